/** Where the tasks of the graph stand: dagre's layered layout, top to bottom. */
import dagre from '@dagrejs/dagre';

import type { Analysis } from '../types';

export interface IPoint {
  readonly x: number;
  readonly y: number;
}

/** A box; `x` and `y` are its upper left corner. */
export interface IBox extends IPoint {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** What becomes the service, which is no task. */
  readonly isServe: boolean;
}

export interface ILine {
  readonly source: string;
  readonly target: string;
  /** Empty for an order edge. */
  readonly variables: readonly string[];
  readonly points: readonly IPoint[];
  /** Its names, cut to what fits, and the middle of their place. */
  readonly label: string;
  readonly at: IPoint;
  /** The width that is free for them. */
  readonly room: number;
}

export interface ILayout {
  readonly boxes: readonly IBox[];
  readonly lines: readonly ILine[];
  readonly width: number;
  readonly height: number;
}

const LETTER = 7; // px, about, of the user interface's font
const BOX = { most: 190, height: 58, serve: 40 };
const APART = 4; // px between names beside each other
const LABEL = { letter: 6.4, height: 15, least: 30 };

/** How much room things take: the letters of the names on a line, the part of those that is kept free, the gaps. */
interface IMeasure {
  readonly letters: number;
  readonly free: number;
  readonly least: number;
  readonly gap: number;
}

const MEASURES: readonly IMeasure[] = [
  { letters: 20, free: 1, least: 128, gap: 14 },
  { letters: 12, free: 1, least: 120, gap: 12 },
  { letters: 8, free: 0.6, least: 108, gap: 8 },
  { letters: 8, free: 0.3, least: 100, gap: 5 }
];
const SERVE = '\0serve'; // no task can have this name

type Shape = Pick<Analysis, 'tasks' | 'edges' | 'serve'>;

/** Lay out the tasks, and what becomes the service below them, with as much of the names on the lines as the width allows. */
export function layoutGraph(analysis: Shape, width = Infinity): ILayout {
  const [widest, ...narrower] = MEASURES;
  let layout = layoutWith(analysis, widest);
  for (const measure of narrower) {
    if (layout.width <= width) {
      break;
    }
    layout = layoutWith(analysis, measure);
  }
  if (layout.width > width) {
    // many tasks side by side: stood on its side the graph may be narrower
    const turned = layoutWith(analysis, MEASURES[MEASURES.length - 1], 'LR');
    return turned.width < layout.width ? turned : layout;
  }
  return layout;
}

function layoutWith(
  analysis: Shape,
  { letters, free, least, gap }: IMeasure,
  rankdir: 'TB' | 'LR' = 'TB'
): ILayout {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({
    rankdir,
    nodesep: gap,
    edgesep: gap,
    ranksep: 22,
    marginx: 4,
    marginy: 4
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { name } of analysis.tasks) {
    graph.setNode(name, { width: widthOf(name, least), height: BOX.height });
  }
  const edges = [...analysis.edges];
  if (analysis.serve) {
    graph.setNode(SERVE, { width: widthOf(analysis.serve.name, least), height: BOX.serve });
    for (const [source, variables] of sources(analysis.serve.inputs)) {
      edges.push({ source, target: SERVE, variables });
    }
  }
  const known = edges.filter(edge => graph.hasNode(edge.source) && graph.hasNode(edge.target));
  for (const { source, target, variables } of known) {
    const label = labelOf(variables, letters);
    const full = label ? label.length * LABEL.letter + 8 : 0;
    const width = Math.max(free * full, Math.min(full, LABEL.least));
    graph.setEdge(source, target, { width, height: LABEL.height, labelpos: 'c' });
  }
  dagre.layout(graph);
  const boxes = graph.nodes().map(name => {
    const { x, y, width, height } = graph.node(name);
    const isServe = name === SERVE;
    const shown = isServe ? (analysis.serve?.name ?? '') : name;
    return { name: shown, x: x - width / 2, y: y - height / 2, width, height, isServe };
  });
  const lines = known.map(({ source, target, variables }) => {
    const { points, x, y, width } = graph.edge(source, target);
    const at = { x: x ?? points[0].x, y: y ?? points[0].y };
    const label = labelOf(variables, letters);
    return { source, target, variables, points, label, at, room: Number(width) + gap - APART };
  });
  const { width = 0, height = 0 } = graph.graph();
  return { boxes, lines, width, height };
}

/** A curve through points, as SVG draws it. */
export function curve(points: readonly IPoint[]): string {
  const [first, ...rest] = points;
  if (!first) {
    return '';
  }
  let path = `M${round(first.x)},${round(first.y)}`;
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    if (next) {
      const middle = { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
      const end = index === rest.length - 2 ? next : middle;
      path += `Q${round(point.x)},${round(point.y)} ${round(end.x)},${round(end.y)}`;
    } else if (rest.length === 1) {
      path += `L${round(point.x)},${round(point.y)}`;
    }
  });
  return path;
}

/** Names as they fit on an edge: `df, names`, `X_test, y_test +3`. */
export function labelOf(variables: readonly string[], letters = MEASURES[0].letters): string {
  let shown = '';
  for (const [index, name] of variables.entries()) {
    const longer = shown ? `${shown}, ${name}` : name;
    const left = variables.length - index;
    if (longer.length > letters) {
      return shown
        ? `${shown} +${left}`
        : `${name.slice(0, letters - 1)}…${left > 1 ? ` +${left - 1}` : ''}`;
    }
    shown = longer;
  }
  return shown;
}

function widthOf(name: string, least: number): number {
  return Math.min(BOX.most, Math.max(least, name.length * LETTER + 34));
}

function sources(inputs: Readonly<Record<string, string>>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [variable, task] of Object.entries(inputs)) {
    found.set(task, [...(found.get(task) ?? []), variable]);
  }
  return found;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
