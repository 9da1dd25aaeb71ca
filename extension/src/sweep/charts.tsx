import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Chart } from '../components/chart';
import type { IChartColours } from '../components/chartspec';
import { number, value } from '../format';
import type { JSX } from '../tokens';
import type { Sweep, Trial } from '../types';
import { axesOf, historyOf, historySpec, importanceSpec, measuredOf, parallelSpec } from './specs';

interface IChartsProps {
  readonly sweep: Sweep;
  readonly trials: readonly Trial[];
  readonly best: number | null;
  readonly rendermime?: IRenderMimeRegistry;
  readonly trans: TranslationBundle;
}

/** How the sweep went: the metric by trial, which values gave it, which parameters mattered. */
export function SweepCharts(props: IChartsProps): JSX.Element | null {
  const { sweep, trials, best, rendermime, trans } = props;
  const { metric, direction } = sweep;
  // drawn anew when a trial has ended, not whenever something else of the panel changes
  const measured = measuredOf(trials, metric);
  const key = `${measured.length} ${best} ${trans.__('trial')}`;
  const points = React.useMemo(() => historyOf(trials, metric, direction), [key, sweep]);
  const axes = React.useMemo(() => axesOf(trials, sweep), [key, sweep]);
  const words = { trial: trans.__('trial'), best: trans.__('best so far') };
  const history = React.useCallback(
    (colours: IChartColours) => historySpec(points, metric, words, colours),
    [points, metric]
  );
  const parallel = React.useCallback(
    (colours: IChartColours) =>
      parallelSpec(trials, axes, { metric, best, direction }, words, colours),
    [axes, best, direction]
  );
  const importanceKey = JSON.stringify(sweep.importance);
  const importance = React.useCallback(
    (colours: IChartColours) =>
      importanceSpec(
        sweep.importance,
        { parameter: trans.__('parameter'), share: trans.__('importance') },
        colours
      ),
    [importanceKey]
  );
  const parts = Object.entries(sweep.importance).sort(([, a], [, b]) => b - a);
  const names = Object.keys(sweep.space);
  const tableLabel = trans.__('As a table');
  if (measured.length < 2) {
    return null;
  }
  return (
    <>
      <Chart
        title={trans.__('%1 by trial, and the best so far', metric)}
        height={150}
        spec={history}
        {...{ rendermime, tableLabel }}
      >
        <Plain
          head={[trans.__('trial'), metric, trans.__('best so far')]}
          rows={points.map(one => [String(one.trial), number(one.value), number(one.best)])}
        />
      </Chart>
      <Chart
        title={trans.__('Which values gave which %1', metric)}
        height={190}
        spec={parallel}
        {...{ rendermime, tableLabel }}
      >
        <Plain
          head={[trans.__('trial'), ...names, metric]}
          rows={measured.map(one => [
            String(one.number),
            ...names.map(name => value(one.parameters[name])),
            number(one.metrics[metric])
          ])}
        />
      </Chart>
      {parts.length ? (
        <Chart
          title={trans.__('How much each parameter matters')}
          height={40 + 26 * parts.length}
          spec={importance}
          {...{ rendermime, tableLabel }}
        >
          <Plain
            head={[trans.__('parameter'), trans.__('importance')]}
            rows={parts.map(([name, share]) => [name, `${Math.round(share * 100)} %`])}
          />
        </Chart>
      ) : null}
    </>
  );
}

function Plain({
  head,
  rows
}: {
  head: readonly string[];
  rows: readonly (readonly string[])[];
}): JSX.Element {
  return (
    <div className="nbprod-Scroll nbprod-Chart-table">
      <table className="nbprod-Table">
        <thead>
          <tr>
            {head.map((text, index) => (
              <th key={index} scope="col">
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((text, at) => (
                <td key={at}>{text}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
