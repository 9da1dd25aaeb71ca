/** What is shown at each cell: worked out without the page, so that it can be compared with what is there. */
import type { TranslationBundle } from '@jupyterlab/translation';

import { SIGNS, stateWord } from '../components/status';
import { duration } from '../format';
import type { IChoices } from '../settings';
import type { ITaskState } from '../states';
import { placeCells } from '../tags';
import type { IPlaced, ITaggedCell } from '../tags';
import type { Analysis, CellMark, Role } from '../types';
import { taskColors } from './colors';

/** What a cell shows. Texts may be empty. */
export interface ICellLook {
  readonly chip: string;
  /** The chip's look: where a task begins, goes on, or none. */
  readonly kind: 'first' | 'more' | 'plain';
  readonly state: string;
  readonly color: string;
  readonly hasBar: boolean;
  readonly isSkipped: boolean;
  readonly isExecuting: boolean;
}

export interface IMarkSources {
  readonly cells: readonly ITaggedCell[];
  readonly analysis: Analysis | null;
  readonly states: ReadonlyMap<string, ITaskState>;
  readonly choices: IChoices;
  /** The id of the cell that is being executed. */
  readonly executing: string | null;
  readonly trans: TranslationBundle;
}

/** A code cell with what the chip's menu and the status bar say of it. */
export interface ICellTask {
  readonly task: string | null;
  readonly roles: readonly Role[];
}

/** What each cell shows; cells that show nothing are left out. */
export function cellLooks(sources: IMarkSources): Map<string, ICellLook> {
  const { cells, analysis, choices } = sources;
  const placed = placeCells(cells);
  const isTagged = placed.some(cell => cell.task !== null);
  const looks = new Map<string, ICellLook>();
  const marks = new Map(analysis?.cells.map(mark => [mark.id, mark]));
  const tasks = placed.map(cell => taskOf(cell, marks.get(cell.id), isTagged));
  const colors = taskColors([...new Set(tasks.filter((task): task is string => task !== null))]);
  const shown = new Set<string>();
  let above: string | null = null;
  for (const [index, cell] of placed.entries()) {
    const task = tasks[index];
    const isSkipped = cell.roles.includes('skip');
    const isFirst = task !== null && task !== above;
    const chip = chipText(sources, cell, task, isFirst, task !== null && !shown.has(task));
    const isWanted =
      choices.chips === 'every cell' ||
      (choices.chips === 'first cell of a task' && (isFirst || cell.roles.length > 0));
    if (task !== null) {
      shown.add(task);
    }
    above = isSkipped ? above : task;
    if (chip || task !== null) {
      looks.set(cell.id, {
        chip: isWanted ? chip : '',
        kind: task === null ? 'plain' : isFirst ? 'first' : 'more',
        state: (isFirst && task !== null && sources.states.get(task)?.state) || '',
        color: (task !== null && colors.get(task)) || '',
        hasBar: choices.bars && task !== null,
        isSkipped,
        isExecuting: cell.id === sources.executing
      });
    }
  }
  addTexts(sources, looks);
  return looks;
}

/** The task of a cell as it is shown: that of the tags at once, refined by what the server finds. */
export function taskOf(
  cell: IPlaced,
  mark: CellMark | undefined,
  isTagged: boolean
): string | null {
  if (!isTagged || cell.roles.includes('skip')) {
    return null;
  }
  // Cells before the first task form one of their own unless all that they do is carried to others.
  return cell.task ?? (mark && !mark.roles.includes('skip') ? (mark.task ?? null) : null);
}

function chipText(
  { states, trans }: IMarkSources,
  cell: IPlaced,
  task: string | null,
  isFirst: boolean,
  hasState: boolean
): string {
  const parts = task === null ? [] : [task];
  const state = task !== null && isFirst && hasState ? states.get(task) : undefined;
  if (state) {
    parts.push(stateText(state, trans));
  }
  return [...parts, ...cell.roles.map(role => roleWord(role, trans))].join('  ·  ');
}

/** A state as sign and word, with its time: `✓ done 2.1 s`. */
export function stateText(state: ITaskState, trans: TranslationBundle): string {
  const time =
    state.state === 'done' && state.seconds !== null ? ` ${duration(state.seconds)}` : '';
  const place = state.state === 'running' && state.total ? ` ${state.done + 1}/${state.total}` : '';
  return `${SIGNS[state.state] ?? ''} ${stateWord(state.state, trans)}${time}${place}`.trim();
}

/** The word for a role. */
export function roleWord(role: Role, trans: TranslationBundle): string {
  const words: Record<Role, string> = {
    parameters: trans.__('parameters'),
    imports: trans.__('imports'),
    metrics: trans.__('metrics'),
    serve: trans.__('serve'),
    skip: trans.__('skipped')
  };
  return words[role];
}

/** Text between two cells of a task has the bar too, so that it does not break. */
function addTexts({ cells, choices }: IMarkSources, looks: Map<string, ICellLook>): void {
  let above: ICellLook | null = null;
  let between: string[] = [];
  for (const cell of choices.bars ? cells : []) {
    const look = looks.get(cell.id);
    if (!cell.isCode) {
      between.push(cell.id);
      continue;
    }
    if (look && above?.color && look.color === above.color && look.kind === 'more') {
      for (const id of between) {
        looks.set(id, { ...look, chip: '', state: '', isExecuting: false });
      }
    }
    between = [];
    above = look ?? null;
  }
}
