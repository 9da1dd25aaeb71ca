/** The charts of a sweep, as Vega-Lite specifications. */
import type { IChartColours, VegaLite } from '../components/chartspec';
import type { Sweep, Trial } from '../types';

export interface IHistoryPoint {
  readonly trial: number;
  readonly value: number;
  /** The best value of all trials up to this one. */
  readonly best: number;
}

/** The metric of each trial that has one, and the best so far, in order of their numbers. */
export function historyOf(
  trials: readonly Trial[],
  metric: string,
  direction: Sweep['direction']
): IHistoryPoint[] {
  const better = direction === 'minimize' ? Math.min : Math.max;
  let best = direction === 'minimize' ? Infinity : -Infinity;
  const points: IHistoryPoint[] = [];
  for (const trial of [...trials].sort((a, b) => a.number - b.number)) {
    const value = trial.metrics[metric];
    if (typeof value === 'number' && Number.isFinite(value)) {
      best = better(best, value);
      points.push({ trial: trial.number, value, best });
    }
  }
  return points;
}

export function historySpec(
  points: readonly IHistoryPoint[],
  metric: string,
  words: { trial: string; best: string },
  colours: IChartColours
): VegaLite {
  const x = {
    field: 'trial',
    type: 'quantitative',
    title: words.trial,
    axis: { format: 'd', tickCount: Math.max(1, Math.min(8, points.length - 1)), grid: false }
  };
  const scale = { zero: false, nice: true };
  return {
    data: { values: points.map(one => ({ ...one })) },
    layer: [
      {
        mark: { type: 'line', interpolate: 'step-after', color: colours.accent, strokeWidth: 2 },
        encoding: { x, y: { field: 'best', type: 'quantitative', scale, title: metric } }
      },
      {
        mark: { type: 'point', filled: true, size: 36, color: colours.quiet, opacity: 0.9 },
        encoding: {
          x,
          y: { field: 'value', type: 'quantitative', scale, title: metric },
          tooltip: [
            { field: 'trial', title: words.trial },
            { field: 'value', title: metric, format: '.4~g' },
            { field: 'best', title: words.best, format: '.4~g' }
          ]
        }
      }
    ]
  };
}

/** A parameter or metric as an upright axis; `at` is from 0 (bottom) to 1 (top). */
export interface IAxis {
  readonly name: string;
  readonly ticks: readonly { at: number; label: string }[];
  readonly at: (value: unknown) => number | null;
}

/** The axis of some values: numbers by their size (or its logarithm), all else in the order of its choices. */
export function axisOf(name: string, values: readonly unknown[], isLog: boolean): IAxis {
  const numbers = values.filter((one): one is number => typeof one === 'number');
  if (numbers.length === values.length && numbers.length) {
    const scale = isLog ? Math.log : (one: number): number => one;
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    const span = scale(high) - scale(low);
    const at = (value: unknown): number | null =>
      typeof value !== 'number' ? null : span ? (scale(value) - scale(low)) / span : 0.5;
    const ends = span ? [low, high] : [low];
    return { name, at, ticks: ends.map(one => ({ at: at(one) ?? 0, label: shortNumber(one) })) };
  }
  const texts = [...new Set(values.map(one => textOf(one)))].sort();
  const last = Math.max(1, texts.length - 1);
  const at = (value: unknown): number | null => {
    const index = texts.indexOf(textOf(value));
    return index < 0 ? null : texts.length === 1 ? 0.5 : index / last;
  };
  return { name, at, ticks: texts.map(label => ({ at: at(label) ?? 0, label })) };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** What parallel coordinates show: an axis for each searched parameter and, last, the metric. */
export function axesOf(trials: readonly Trial[], sweep: Sweep): IAxis[] {
  const measured = measuredOf(trials, sweep.metric);
  const parameters = Object.entries(sweep.space).map(([name, space]) => {
    const isLog = typeof space === 'object' && space !== null && 'log' in space && !!space.log;
    return axisOf(
      name,
      measured.map(one => one.parameters[name]),
      isLog
    );
  });
  const scores = measured.map(one => one.metrics[sweep.metric]);
  return [...parameters, axisOf(sweep.metric, scores, false)];
}

export function measuredOf(trials: readonly Trial[], metric: string): Trial[] {
  return trials.filter(one => Number.isFinite(one.metrics[metric] ?? NaN));
}

export function parallelSpec(
  trials: readonly Trial[],
  axes: readonly IAxis[],
  sweep: Pick<Sweep, 'metric' | 'best' | 'direction'>,
  words: { trial: string },
  colours: IChartColours
): VegaLite {
  const names = axes.map(one => one.name);
  const measured = measuredOf(trials, sweep.metric);
  const points = measured.flatMap(trial =>
    axes.map((axis, index) => ({
      trial: trial.number,
      axis: axis.name,
      at: axis.at(
        index === axes.length - 1 ? trial.metrics[sweep.metric] : trial.parameters[axis.name]
      ),
      score: trial.metrics[sweep.metric],
      isBest: trial.number === sweep.best
    }))
  );
  const ticks = axes.flatMap(axis => axis.ticks.map(tick => ({ axis: axis.name, ...tick })));
  const x = {
    field: 'axis',
    type: 'nominal',
    sort: names,
    title: null,
    axis: {
      labelAngle: axes.length > 3 ? -30 : 0,
      grid: true,
      domain: false,
      ticks: false,
      labelLimit: 110
    },
    scale: { type: 'point', padding: 0.35 }
  };
  const y = { field: 'at', type: 'quantitative', axis: null, scale: { domain: [-0.06, 1.06] } };
  // the better, the more of the accent
  const range = [colours.quiet, colours.accent];
  const byScore = {
    field: 'score',
    type: 'quantitative',
    legend: null,
    scale: {
      range: sweep.direction === 'maximize' ? range : range.reverse(),
      zero: false,
      interpolate: 'rgb'
    }
  };
  const line = (isBest: boolean): VegaLite => ({
    transform: [{ filter: `datum.isBest === ${isBest}` }],
    mark: {
      type: 'line',
      ...(isBest ? { color: colours.accent } : {}),
      strokeWidth: isBest ? 3 : 1.5,
      opacity: isBest ? 1 : 0.7,
      tooltip: true
    },
    encoding: {
      x,
      y,
      detail: { field: 'trial' },
      order: { field: 'index' },
      ...(isBest ? {} : { color: byScore }),
      tooltip: [
        { field: 'trial', title: words.trial },
        { field: 'score', title: sweep.metric, format: '.4~g' }
      ]
    }
  });
  return {
    data: { values: points.map(one => ({ ...one, index: names.indexOf(one.axis) })) },
    layer: [
      line(false),
      line(true),
      {
        data: { values: ticks },
        mark: { type: 'text', align: 'left', dx: 4, fontSize: 10, color: colours.text },
        encoding: { x, y, text: { field: 'label' } }
      }
    ]
  };
}

export function importanceSpec(
  importance: Readonly<Record<string, number>>,
  words: { parameter: string; share: string },
  colours: IChartColours
): VegaLite {
  return {
    data: { values: Object.entries(importance).map(([name, share]) => ({ name, share })) },
    mark: { type: 'bar', color: colours.accent },
    encoding: {
      y: { field: 'name', type: 'nominal', sort: '-x', title: null, axis: { labelLimit: 110 } },
      x: {
        field: 'share',
        type: 'quantitative',
        title: null,
        scale: { domain: [0, 1] },
        axis: { format: '.0%', tickCount: 4 }
      },
      tooltip: [
        { field: 'name', title: words.parameter },
        { field: 'share', title: words.share, format: '.1%' }
      ]
    }
  };
}
