import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { useAsked } from '../components/asked';
import { Back } from '../components/back';
import { Failed } from '../components/failed';
import { stateWord } from '../components/status';
import type { INbprodModel, JSX } from '../tokens';
import type { Run } from '../types';
import { changesOf, letterOf, partsOf } from './compare';
import type { IChange, ICompareRow } from './compare';
import { shortMoment } from './columns';
import { diffLines } from './diff';

interface ICompareProps {
  readonly model: INbprodModel;
  readonly path: string;
  readonly ids: readonly string[];
  readonly onBack: () => void;
  readonly trans: TranslationBundle;
}

/** Two or more runs side by side, and how their code differs. */
export function CompareView({ model, path, ids, onBack, trans }: ICompareProps): JSX.Element {
  const asked = useAsked(() => model.api.compareRuns(path, ids), ids.join());
  const [onlyDiffering, setOnlyDiffering] = React.useState(false);
  const found = asked.value;
  const changes = found
    ? changesOf(
        found.code,
        found.runs.map(run => run.id)
      )
    : [];
  const parts = found ? partsOf(found, state => stateWord(state, trans)) : null;
  return (
    <div className="nbprod-Compare">
      <Back label={trans.__('All runs')} onBack={onBack} />
      <h2>{trans.__('%1 runs compared', ids.length)}</h2>
      {asked.problem ? (
        <Failed model={model} problem={asked.problem} trans={trans} again={asked.again} />
      ) : null}
      {!found && asked.isLoading ? <p aria-live="polite">{trans.__('comparing…')}</p> : null}
      {found && parts ? (
        <>
          <label className="nbprod-Check">
            <input
              type="checkbox"
              checked={onlyDiffering}
              onChange={event => setOnlyDiffering(event.target.checked)}
            />
            {trans.__('Only what differs')}
          </label>
          <Side
            title={trans.__('Metrics')}
            rows={parts.metrics}
            {...{ found, onlyDiffering, trans }}
          />
          <Side
            title={trans.__('Parameters')}
            rows={parts.parameters}
            {...{ found, onlyDiffering, trans }}
          />
          <Side title={trans.__('Tasks')} rows={parts.tasks} {...{ found, onlyDiffering, trans }} />
          <h3>{trans.__('Code')}</h3>
          {found.code.length ? (
            changes.map(change => (
              <Change key={`${change.runs[0]} ${change.task}`} {...{ change, trans }} />
            ))
          ) : (
            <p>{trans.__('The code of all tasks is the same.')}</p>
          )}
        </>
      ) : null}
    </div>
  );
}

interface ISideProps {
  readonly title: string;
  readonly rows: readonly ICompareRow[];
  readonly found: { readonly runs: readonly Run[] };
  readonly onlyDiffering: boolean;
  readonly trans: TranslationBundle;
}

/** One table of the comparison; a row that differs says so with a sign, not by colour alone. */
function Side({ title, rows, found, onlyDiffering, trans }: ISideProps): JSX.Element {
  const shown = onlyDiffering ? rows.filter(row => row.differs) : rows;
  return (
    <>
      <h3>{title}</h3>
      {shown.length ? (
        <div className="nbprod-Scroll">
          <table className="nbprod-Table nbprod-Compare-table" aria-label={title}>
            <thead>
              <tr>
                <th scope="col">{trans.__('name')}</th>
                {found.runs.map((run, index) => (
                  <th key={run.id} scope="col" className="nbprod-mod-number" title={run.id}>
                    {letterOf(index)}{' '}
                    <span className="nbprod-Compare-when">
                      {run.trial === null
                        ? shortMoment(run.created)
                        : trans.__('trial %1', run.trial)}
                    </span>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map(row => (
                <tr key={row.name} className={row.differs ? 'nbprod-mod-differs' : ''}>
                  <th scope="row" title={row.name}>
                    {row.differs ? (
                      <span role="img" aria-label={trans.__('differs')} title={trans.__('differs')}>
                        ≠{' '}
                      </span>
                    ) : null}
                    {row.name}
                  </th>
                  {row.cells.map((cell, index) => (
                    <td key={index} className="nbprod-mod-number" title={cell}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p>{rows.length ? trans.__('all the same') : trans.__('none')}</p>
      )}
    </>
  );
}

interface IChangeProps {
  readonly change: IChange;
  readonly trans: TranslationBundle;
}

/** How a task's code in some runs differs from that in the first one. */
function Change({ change, trans }: IChangeProps): JSX.Element {
  return (
    <figure className="nbprod-Diff">
      <figcaption>
        <code>{change.task}</code>{' '}
        {trans.__('from %1 to %2', letterOf(0), change.runs.map(letterOf).join(', '))}
      </figcaption>
      <pre tabIndex={0} aria-label={trans.__('Difference of %1', change.task)}>
        {diffLines(change.diff).map((line, index) => (
          <span key={index} className={`nbprod-Diff-line nbprod-mod-${line.kind}`}>
            {line.text + '\n'}
          </span>
        ))}
      </pre>
    </figure>
  );
}
