import { describe, expect, it } from 'vitest';

import { curve, labelOf, layoutGraph } from '../src/pipeline/layout';
import type { Analysis } from '../src/types';

function analysis(tasks: string[], edges: [string, string, string[]][], serve?: string): Analysis {
  return {
    tasks: tasks.map(name => ({ name })),
    edges: edges.map(([source, target, variables]) => ({ source, target, variables })),
    serve: serve ? { name: serve, kind: 'function', inputs: { model: tasks[0] } } : null
  } as unknown as Analysis;
}

describe('layoutGraph', () => {
  const chain = analysis(
    ['load', 'train', 'show'],
    [
      ['load', 'train', ['df']],
      ['train', 'show', []]
    ]
  );

  it('puts a task below those that it takes from', () => {
    const { boxes, width, height } = layoutGraph(chain);
    const tops = boxes.map(box => box.y);
    expect(tops).toEqual([...tops].sort((a, b) => a - b));
    for (const box of boxes) {
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(width);
      expect(box.y + box.height).toBeLessThanOrEqual(height);
    }
  });

  it('writes the variables on the lines; an order line has none', () => {
    expect(layoutGraph(chain).lines.map(line => line.label)).toEqual(['df', '']);
  });

  it('has the service below what it takes along', () => {
    const { boxes, lines } = layoutGraph(analysis(['train'], [], 'predict'));
    expect(boxes.map(box => [box.name, box.isServe])).toEqual([
      ['train', false],
      ['predict', true]
    ]);
    expect(lines[0].variables).toEqual(['model']);
  });

  it('leaves out an edge to a task that is not there', () => {
    expect(layoutGraph(analysis(['a'], [['a', 'gone', ['x']]])).lines).toEqual([]);
  });

  it('has room for nothing at all', () => {
    expect(layoutGraph(analysis([], [])).boxes).toEqual([]);
  });

  it('is narrower where there is less room', () => {
    const names = ['one_long_name', 'another_long_name'];
    const fan = analysis(
      ['a', 'b', 'c', 'd'],
      [
        ['a', 'b', names],
        ['a', 'c', names],
        ['a', 'd', names]
      ]
    );
    expect(layoutGraph(fan, 250).width).toBeLessThan(layoutGraph(fan).width);
  });

  it('stacks tasks that have nothing to do with each other where they do not fit side by side', () => {
    const many = analysis(['a', 'b', 'c', 'd', 'e'], []);
    expect(layoutGraph(many, 1000).height).toBeLessThan(100);
    const { width, boxes } = layoutGraph(many, 250);
    expect(width).toBeLessThan(250);
    expect(new Set(boxes.map(box => box.x)).size).toBe(1);
  });

  it('never puts one box upon another', () => {
    const many = Array.from({ length: 40 }, (_, one) => `task_${one}`);
    const edges = many
      .slice(1)
      .map((name, one): [string, string, string[]] => [many[Math.floor(one / 2)], name, ['x']]);
    const { boxes } = layoutGraph(analysis(many, edges), 300);
    for (const one of boxes) {
      for (const other of boxes) {
        const isApart =
          one === other ||
          one.x + one.width <= other.x ||
          other.x + other.width <= one.x ||
          one.y + one.height <= other.y ||
          other.y + other.height <= one.y;
        expect(isApart).toBe(true);
      }
    }
  });
});

describe('names on lines', () => {
  it('are cut to what fits', () => {
    expect(labelOf([])).toBe('');
    expect(labelOf(['X_train', 'y_train'])).toBe('X_train, y_train');
    expect(labelOf(['X_train', 'y_train', 'X_test', 'y_test'])).toBe('X_train, y_train +2');
    expect(labelOf(['a_name_that_is_far_too_long', 'b'])).toBe('a_name_that_is_far_… +1');
  });
});

describe('curve', () => {
  it('begins at the first point and ends at the last', () => {
    const points = [0, 10, 20, 30].map(y => ({ x: y / 10, y }));
    expect(curve(points)).toBe('M0,0Q1,10 1.5,15Q2,20 3,30');
    expect(curve(points.slice(0, 2))).toBe('M0,0L1,10');
    expect(curve([])).toBe('');
  });
});
