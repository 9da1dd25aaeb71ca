import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { taskColors } from '../cells/colors';
import { stateText } from '../cells/marks';
import { Status } from '../components/status';
import { duration } from '../format';
import type { ITaskState } from '../states';
import type { JSX } from '../tokens';
import type { Analysis, TaskNode } from '../types';
import { curve, layoutGraph } from './layout';
import type { IBox, ILine } from './layout';

interface IGraphProps {
  readonly analysis: Analysis;
  readonly states: ReadonlyMap<string, ITaskState>;
  readonly trans: TranslationBundle;
  /** Go to a cell, by its id. */
  readonly onOpen: (cell: string) => void;
}

/** The tasks as boxes, and on the lines between them the variables that go along. Arrow keys go from box to box. */
export function Graph({ analysis, states, trans, onOpen }: IGraphProps): JSX.Element {
  const shape = JSON.stringify([
    analysis.tasks.map(task => task.name),
    analysis.edges,
    analysis.serve
  ]);
  // The same graph is not laid out again when but the code or the states change.
  const frame = React.useRef<HTMLDivElement>(null);
  const room = useRoom(frame);
  const layout = React.useMemo(() => layoutGraph(analysis, room), [shape, room]);
  const scale = Math.max(LEAST_SCALE, Math.min(1, room / layout.width));
  const colors = React.useMemo(() => taskColors(analysis.tasks.map(task => task.name)), [layout]);
  const place = React.useRef<HTMLDivElement>(null);
  const tasks = new Map(analysis.tasks.map(task => [task.name, task]));
  const serving = analysis.cells.find(cell => cell.roles.includes('serve'));
  return (
    <div className="nbprod-Graph" role="group" aria-label={trans.__('Pipeline')} ref={frame}>
      <div
        className="nbprod-Graph-sheet"
        ref={place}
        style={{ width: layout.width, height: layout.height, zoom: scale }}
        onKeyDown={event => moveFocus(event, layout.boxes, place.current)}
      >
        <Lines lines={layout.lines} width={layout.width} height={layout.height} />
        {layout.boxes.map((box, index) => {
          const task = box.isServe ? undefined : tasks.get(box.name);
          const place = { left: box.x, top: box.y, width: box.width, height: box.height };
          return task ? (
            <TaskBox
              key={box.name}
              index={index}
              task={task}
              state={states.get(box.name)}
              style={{ ...place, borderLeftColor: colors.get(box.name) }}
              trans={trans}
              onOpen={onOpen}
            />
          ) : (
            <button
              key="serve"
              type="button"
              data-index={index}
              className="nbprod-Graph-box nbprod-mod-serve"
              style={place}
              aria-label={trans.__('Service %1: go to its cell', box.name)}
              onClick={() => serving && onOpen(serving.id)}
            >
              <span className="nbprod-Graph-name">{box.name}</span>
              <span className="nbprod-Graph-state">{trans.__('service')}</span>
            </button>
          );
        })}
      </div>
    </div>
  );
}

const LEAST_SCALE = 0.8; // smaller could not be read
const STEP = 16; // px: not every step of a drag lays the graph out again

/** The width that there is for the graph. */
function useRoom(frame: React.RefObject<HTMLElement>): number {
  const [room, setRoom] = React.useState(Infinity);
  React.useLayoutEffect(() => {
    const look = (): void => {
      const width = (frame.current?.clientWidth ?? 0) - 10;
      setRoom(width > 0 ? Math.floor(width / STEP) * STEP : Infinity);
    };
    const observer = new ResizeObserver(look);
    if (frame.current) {
      observer.observe(frame.current);
    }
    look();
    return () => observer.disconnect();
  }, []);
  return room;
}

interface ITaskBoxProps {
  readonly index: number;
  readonly task: TaskNode;
  readonly state: ITaskState | undefined;
  readonly style: React.CSSProperties;
  readonly trans: TranslationBundle;
  readonly onOpen: (cell: string) => void;
}

function TaskBox({ index, task, state, style, trans, onOpen }: ITaskBoxProps): JSX.Element {
  const facts = taskFacts(task, state, trans);
  const isReason = !!state && ['cached', 'outdated', 'new', 'skipped'].includes(state.state);
  const reason = state?.error?.what ?? (isReason ? state.reason : '');
  return (
    <button
      type="button"
      data-index={index}
      className="nbprod-Graph-box"
      data-state={state?.state}
      style={style}
      title={facts.join('\n')}
      aria-label={facts.join('. ')}
      onClick={() => onOpen(task.cells[0])}
    >
      <span className="nbprod-Graph-name">{task.name}</span>
      <span className="nbprod-Graph-state">
        {state ? (
          <Status state={state.state} trans={trans} detail={timeOf(state)} />
        ) : (
          trans._n('%1 cell', '%1 cells', task.cells.length)
        )}
      </span>
      {reason ? <span className="nbprod-Graph-reason">{reason}</span> : null}
      {state?.state === 'running' && state.total ? (
        <span
          className="nbprod-Graph-progress"
          style={{ width: `${(100 * state.done) / state.total}%` }}
        />
      ) : null}
    </button>
  );
}

/** All that is known of a task, for who hovers or cannot see. */
function taskFacts(
  task: TaskNode,
  state: ITaskState | undefined,
  trans: TranslationBundle
): string[] {
  const facts = [
    trans.__('Task %1', task.name),
    state ? stateText(state, trans) : '',
    state?.error?.what ?? (state?.reason ? trans.__('Why: %1', state.reason) : ''),
    trans.__('Cells %1', task.numbers.join(', '))
  ];
  const given = new Map<string, string[]>();
  for (const [variable, source] of Object.entries(task.inputs)) {
    given.set(source, [...(given.get(source) ?? []), variable]);
  }
  for (const [source, variables] of given) {
    facts.push(trans.__('Takes %1 from %2', variables.join(', '), source));
  }
  for (const source of task.upstream.filter(one => !given.has(one))) {
    facts.push(trans.__('Comes after %1', source));
  }
  if (task.outputs.length) {
    facts.push(trans.__('Gives %1', task.outputs.join(', ')));
  }
  if (task.parameters.length) {
    facts.push(trans.__('Parameters %1', task.parameters.join(', ')));
  }
  return facts.filter(fact => fact !== '');
}

function timeOf(state: ITaskState): string | undefined {
  if (state.state === 'running') {
    return state.total ? `${state.done + 1}/${state.total}` : undefined;
  }
  const isTimed = state.seconds !== null && ['done', 'failed'].includes(state.state);
  return isTimed ? duration(state.seconds ?? 0) : undefined;
}

interface ILinesProps {
  readonly lines: readonly ILine[];
  readonly width: number;
  readonly height: number;
}

function Lines({ lines, width, height }: ILinesProps): JSX.Element {
  return (
    <>
      <svg className="nbprod-Graph-lines" width={width} height={height} aria-hidden="true">
        <defs>
          <marker
            id="nbprod-arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto"
          >
            <path d="M0,0 L8,4 L0,8 z" />
          </marker>
        </defs>
        {lines.map(line => (
          <path
            key={`${line.source} ${line.target}`}
            className={line.variables.length ? undefined : 'nbprod-mod-order'}
            d={curve(line.points)}
            markerEnd="url(#nbprod-arrow)"
          />
        ))}
      </svg>
      {lines
        .filter(line => line.label)
        .map(line => (
          <span
            key={`${line.source} ${line.target}`}
            className="nbprod-Graph-label"
            style={{ left: line.at.x, top: line.at.y, maxWidth: line.room }}
            title={line.variables.join(', ')}
            aria-hidden="true"
          >
            {line.label}
          </span>
        ))}
    </>
  );
}

/** Go to the nearest box in the direction of an arrow key. */
function moveFocus(
  event: React.KeyboardEvent,
  boxes: readonly IBox[],
  sheet: HTMLElement | null
): void {
  const way = WAYS[event.key];
  const focused = (event.target as HTMLElement).dataset.index;
  if (!way || focused === undefined) {
    return;
  }
  const from = boxes[Number(focused)];
  let best: number | null = null;
  let least = Infinity;
  boxes.forEach((box, index) => {
    const dx = box.x + box.width / 2 - from.x - from.width / 2;
    const dy = box.y + box.height / 2 - from.y - from.height / 2;
    const along = dx * way.x + dy * way.y;
    const across = Math.abs(dx * way.y) + Math.abs(dy * way.x);
    if (box !== from && along > 1 && along + 2 * across < least) {
      least = along + 2 * across;
      best = index;
    }
  });
  if (best !== null) {
    event.preventDefault();
    sheet?.querySelector<HTMLElement>(`[data-index="${best}"]`)?.focus();
  }
}

const WAYS: Readonly<Record<string, { x: number; y: number }>> = {
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 }
};
