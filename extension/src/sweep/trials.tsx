import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { SortHeading } from '../components/sortheading';
import { Status } from '../components/status';
import { duration, number, value } from '../format';
import type { JSX } from '../tokens';
import type { Sweep, Trial } from '../types';
import { sortTrials } from './live';

interface ITrialsProps {
  readonly trials: readonly Trial[];
  readonly sweep: Sweep;
  readonly best: number | null;
  readonly chosen: number | null;
  readonly onChoose: (trial: number) => void;
  readonly trans: TranslationBundle;
}

interface IColumn {
  readonly key: string;
  readonly label: string;
  readonly text: (trial: Trial) => string;
}

const AT_FIRST = 100;

/** The trials, in the order of any column; one of them is chosen. */
export function TrialTable(props: ITrialsProps): JSX.Element {
  const { trials, sweep, best, chosen, onChoose, trans } = props;
  const [sort, setSort] = React.useState<{ key: string; order: 'asc' | 'desc' }>({
    key: 'number',
    order: 'desc'
  });
  const [isWhole, setIsWhole] = React.useState(false);
  const columns = columnsOf(trials, sweep, trans);
  const ordered = sortTrials(trials, sort.key, sort.order);
  const shown = isWhole ? ordered : ordered.slice(0, AT_FIRST);
  const sortBy = (key: string): void => {
    const fromTop =
      key === 'number' || (key.startsWith('metric:') && sweep.direction === 'maximize');
    const first = fromTop ? 'desc' : 'asc';
    const other = sort.order === 'asc' ? 'desc' : 'asc';
    setSort({ key, order: sort.key === key ? other : first });
  };
  const heading = (key: string, label: string): JSX.Element => (
    <SortHeading
      label={label}
      order={sort.key === key ? sort.order : null}
      onSort={() => sortBy(key)}
      trans={trans}
    />
  );
  const ariaSort = (...keys: string[]): 'ascending' | 'descending' | 'none' =>
    !keys.includes(sort.key) ? 'none' : sort.order === 'asc' ? 'ascending' : 'descending';
  if (!trials.length) {
    return <p>{trans.__('No trial has begun.')}</p>;
  }
  return (
    <>
      <div className="nbprod-Scroll nbprod-Trials">
        <table className="nbprod-Table" aria-label={trans.__('Trials')}>
          <thead>
            <tr>
              <th
                scope="col"
                className="nbprod-Trials-first"
                aria-sort={ariaSort('number', 'status')}
              >
                {heading('number', trans.__('trial'))}
                {heading('status', trans.__('state'))}
              </th>
              {columns.map(column => (
                <th
                  key={column.key}
                  scope="col"
                  className="nbprod-mod-number"
                  aria-sort={ariaSort(column.key)}
                >
                  {column.key === 'tasks' ? column.label : heading(column.key, column.label)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map(trial => (
              <tr
                key={trial.number}
                className={trial.number === chosen ? 'nbprod-mod-selected' : ''}
              >
                <th scope="row" className="nbprod-Trials-first">
                  <button
                    type="button"
                    className="nbprod-Trials-choose"
                    aria-pressed={trial.number === chosen}
                    onClick={() => onChoose(trial.number)}
                  >
                    <span className="nbprod-Trials-number">
                      {trial.number}
                      {trial.number === best ? (
                        <span
                          role="img"
                          aria-label={trans.__('the best')}
                          title={trans.__('the best')}
                        >
                          {' '}
                          ★
                        </span>
                      ) : null}
                    </span>
                    <Status state={trial.status} trans={trans} />
                  </button>
                </th>
                {columns.map(column => (
                  <td key={column.key} className="nbprod-mod-number">
                    {column.text(trial)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < ordered.length ? (
        <button type="button" className="nbprod-Link" onClick={() => setIsWhole(true)}>
          {trans.__('Show all %1 trials', ordered.length)}
        </button>
      ) : null}
    </>
  );
}

function columnsOf(trials: readonly Trial[], sweep: Sweep, trans: TranslationBundle): IColumn[] {
  const others = new Set(trials.flatMap(one => Object.keys(one.metrics)));
  others.delete(sweep.metric);
  return [
    ...[sweep.metric, ...others].map(name => ({
      key: `metric:${name}`,
      label: name,
      text: (trial: Trial) => (name in trial.metrics ? number(trial.metrics[name]) : '')
    })),
    ...Object.keys(sweep.space).map(name => ({
      key: `parameter:${name}`,
      label: name,
      text: (trial: Trial) => (name in trial.parameters ? value(trial.parameters[name]) : '')
    })),
    {
      key: 'seconds',
      label: trans.__('time'),
      text: trial => (trial.seconds === null ? '' : duration(trial.seconds))
    },
    {
      key: 'tasks',
      label: trans.__('tasks reused'),
      text: ({ tasks }) => {
        const total = Object.values(tasks).reduce((sum, count) => sum + count, 0);
        return total ? trans.__('%1 of %2', tasks.cached ?? 0, total) : '';
      }
    }
  ];
}
