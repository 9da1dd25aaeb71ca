/** What the tags of cells say, and how they change. No tag that is not ours is ever touched. */
import type { Role } from './types';

const TASK = ['task', 'step', 'block'];
const AFTER = ['after', 'prev'];
const NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** Each tag that gives a role; the first one of a role is the one that is written. */
const ROLES: ReadonlyMap<string, Role> = new Map([
  ['parameters', 'parameters'],
  ['pipeline-parameters', 'parameters'],
  ['imports', 'imports'],
  ['functions', 'imports'],
  ['metrics', 'metrics'],
  ['pipeline-metrics', 'metrics'],
  ['serve', 'serve'],
  ['skip', 'skip']
]);

export const ALL_ROLES: readonly Role[] = ['parameters', 'imports', 'metrics', 'serve', 'skip'];

/** A cell as far as tags go, in notebook order. */
export interface ITaggedCell {
  readonly id: string;
  readonly isCode: boolean;
  readonly tags: readonly string[];
}

/** What the tags of one cell say. */
export interface IMarks {
  readonly task: string | null;
  readonly after: readonly string[];
  readonly roles: readonly Role[];
}

/** A code cell with the task it belongs to; null before the first task and where the cell is skipped. */
export interface IPlaced {
  readonly id: string;
  readonly number: number;
  readonly task: string | null;
  /** The cell's own tag names its task. */
  readonly starts: boolean;
  readonly roles: readonly Role[];
}

/** New tags for each cell that changes. */
export type Edits = ReadonlyMap<string, readonly string[]>;

/** Whether a task can have this name. */
export function isTaskName(name: string): boolean {
  return NAME.test(name);
}

/** Make a task's name out of any text. */
export function toTaskName(text: string): string {
  const clean = text
    .trim()
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return clean === '' || NAME.test(clean) ? clean : `_${clean}`;
}

/** Read the tags of a cell; where two name a task the first one counts, as the server takes it. */
export function readMarks(tags: readonly string[]): IMarks {
  const names = tags.map(taskOf).filter((name): name is string => name !== null);
  const after = tags.map(afterOf).filter((name): name is string => name !== null);
  const roles = tags.map(tag => ROLES.get(tag)).filter((role): role is Role => role !== undefined);
  return { task: names[0] ?? null, after: unique(after), roles: unique(roles) };
}

/** Place code cells: one without a task tag belongs to the task of the cell above it. */
export function placeCells(cells: readonly ITaggedCell[]): IPlaced[] {
  const placed: IPlaced[] = [];
  let current: string | null = null;
  for (const cell of cells) {
    if (!cell.isCode) {
      continue;
    }
    const marks = readMarks(cell.tags);
    const isSkipped = marks.roles.includes('skip');
    if (!isSkipped) {
      current = marks.task ?? current;
    }
    placed.push({
      id: cell.id,
      number: placed.length + 1,
      task: isSkipped ? null : current,
      starts: !isSkipped && marks.task !== null,
      roles: marks.roles
    });
  }
  return placed;
}

/** The names of the tasks, in notebook order. */
export function taskNames(cells: readonly ITaggedCell[]): string[] {
  const names = placeCells(cells).map(cell => cell.task);
  return unique(names.filter((name): name is string => name !== null));
}

/** A name like this one that no task has. */
export function freeName(cells: readonly ITaggedCell[], like: string): string {
  const taken = new Set(taskNames(cells));
  let name = like;
  for (let count = 2; taken.has(name); count += 1) {
    name = `${like}-${count}`;
  }
  return name;
}

/**
 * Put these cells into a task. Cells below them stay in the task they are in, where a tag gave it; in a notebook
 * whose cells above have no task, those below go along, as there is no name that they could keep.
 */
export function assignTask(
  cells: readonly ITaggedCell[],
  ids: Iterable<string>,
  name: string
): Edits {
  const wanted = new Set(ids);
  return realise(cells, cell => (wanted.has(cell.id) ? name : cell.task));
}

/** Start a new task at a cell: the cells of its task that follow it without a break go along. */
export function splitTask(cells: readonly ITaggedCell[], id: string, name: string): Edits {
  const placed = placeCells(cells).filter(cell => !cell.roles.includes('skip'));
  const first = placed.findIndex(cell => cell.id === id);
  if (first < 0) {
    return new Map();
  }
  let last = first;
  while (last + 1 < placed.length && placed[last + 1].task === placed[first].task) {
    last += 1;
  }
  return assignTask(
    cells,
    placed.slice(first, last + 1).map(cell => cell.id),
    name
  );
}

/** The task of the cell above the first cell of a task; undefined where there is none. */
export function taskAbove(cells: readonly ITaggedCell[], task: string): string | null | undefined {
  const placed = placeCells(cells).filter(cell => !cell.roles.includes('skip'));
  const first = placed.findIndex(cell => cell.task === task);
  return first > 0 ? placed[first - 1].task : undefined;
}

/** Put all cells of a task into the task above it. */
export function mergeTask(cells: readonly ITaggedCell[], task: string): Edits {
  const above = taskAbove(cells, task);
  if (above === undefined) {
    return new Map();
  }
  const moved = realise(cells, cell => (cell.task === task ? above : cell.task));
  return renameAfter(cells, moved, task, above);
}

/** Rename a task everywhere, in the order tags of others too. `null` is the task before the first tag. */
export function renameTask(
  cells: readonly ITaggedCell[],
  task: string | null,
  name: string
): Edits {
  if (task === null) {
    return realise(cells, cell => cell.task ?? name);
  }
  const edits = new Map<string, readonly string[]>();
  for (const cell of cells) {
    const tags = cell.tags.map(tag => (taskOf(tag) === task ? `${prefixOf(tag)}:${name}` : tag));
    enter(edits, cell, unique(tags));
  }
  return renameAfter(cells, edits, task, name);
}

/** Take the task tags off these cells: they go to the task of the cell above them. */
export function removeTask(cells: readonly ITaggedCell[], ids: Iterable<string>): Edits {
  const wanted = new Set(ids);
  const edits = new Map<string, readonly string[]>();
  for (const cell of cells) {
    if (wanted.has(cell.id)) {
      enter(edits, cell, withTask(cell.tags, null));
    }
  }
  return edits;
}

/** Give a role to these cells, or take it where all of them have it. */
export function toggleRole(
  cells: readonly ITaggedCell[],
  ids: Iterable<string>,
  role: Role
): Edits {
  const wanted = new Set(ids);
  const chosen = cells.filter(cell => wanted.has(cell.id) && cell.isCode);
  const isOn = chosen.every(cell => readMarks(cell.tags).roles.includes(role));
  const edits = new Map<string, readonly string[]>();
  for (const cell of chosen) {
    enter(edits, cell, withRole(cell.tags, role, !isOn));
  }
  return edits;
}

/** The tags with this task in place of the one they name. */
export function withTask(tags: readonly string[], name: string | null): string[] {
  const at = tags.findIndex(tag => taskOf(tag) !== null);
  const others = tags.filter(tag => taskOf(tag) === null);
  if (name === null) {
    return others;
  }
  const before =
    at < 0 ? others.length : tags.slice(0, at).filter(tag => taskOf(tag) === null).length;
  return [...others.slice(0, before), `task:${name}`, ...others.slice(before)];
}

/** The tags with or without this role. */
export function withRole(tags: readonly string[], role: Role, isOn: boolean): string[] {
  if (isOn) {
    return readMarks(tags).roles.includes(role) ? [...tags] : [...tags, role];
  }
  return tags.filter(tag => ROLES.get(tag) !== role);
}

function prefixOf(tag: string): string {
  return tag.slice(0, tag.indexOf(':'));
}

function named(tag: string, prefixes: readonly string[]): string | null {
  const colon = tag.indexOf(':');
  const name = tag.slice(colon + 1);
  return colon > 0 && prefixes.includes(tag.slice(0, colon)) && NAME.test(name) ? name : null;
}

function taskOf(tag: string): string | null {
  return named(tag, TASK);
}

function afterOf(tag: string): string | null {
  return named(tag, AFTER);
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)];
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((tag, index) => tag === other[index]);
}

function enter(edits: Map<string, readonly string[]>, cell: ITaggedCell, tags: string[]): void {
  if (isSame(cell.tags, tags)) {
    edits.delete(cell.id);
  } else {
    edits.set(cell.id, tags);
  }
}

/** Write tags only where the cell above does not give the task already; tags that agree stay. */
function realise(
  cells: readonly ITaggedCell[],
  taskFor: (cell: IPlaced) => string | null
): Map<string, readonly string[]> {
  const byId = new Map(cells.map(cell => [cell.id, cell]));
  const edits = new Map<string, readonly string[]>();
  let current: string | null = null;
  for (const placed of placeCells(cells)) {
    const cell = byId.get(placed.id);
    if (!cell || placed.roles.includes('skip')) {
      continue;
    }
    const wanted = taskFor(placed);
    const own = readMarks(cell.tags).task;
    if (wanted !== null && wanted !== (own ?? current)) {
      enter(edits, cell, withTask(cell.tags, wanted === current ? null : wanted));
    } else if (wanted === null && own !== null) {
      enter(edits, cell, withTask(cell.tags, null));
    }
    current = wanted ?? current;
  }
  return edits;
}

/** Order tags that name a task name another one; one that would name the cell's own task goes. */
function renameAfter(
  cells: readonly ITaggedCell[],
  edits: Edits,
  task: string,
  name: string | null
): Edits {
  const all = new Map(edits);
  const now = cells.map(cell => ({ ...cell, tags: edits.get(cell.id) ?? cell.tags }));
  const own = new Map(placeCells(now).map(cell => [cell.id, cell.task]));
  for (const [index, cell] of now.entries()) {
    const tags = cell.tags
      .map(tag => (afterOf(tag) === task && name !== null ? `${prefixOf(tag)}:${name}` : tag))
      .filter(tag => {
        const target = afterOf(tag);
        return target === null || (target !== task && target !== own.get(cell.id));
      });
    enter(all, cells[index], isSame(tags, cell.tags) ? [...cell.tags] : unique(tags));
  }
  return all;
}
