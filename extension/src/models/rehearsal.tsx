import type { JSONValue } from '@lumino/coreutils';
import * as React from 'react';

import { useDeed } from '../components/deed';
import { ProblemBox } from '../components/problem';
import { Push } from '../components/push';
import { bytes } from '../format';
import type { IProgress, JSX } from '../tokens';
import type { JobEvent } from '../types';
import { InputTable } from './inputs';
import { isObject, routesOf } from './schema';
import { stepsOf, stepWords } from './steps';
import type { IPartProps } from './view';

interface IRehearsalProps extends IPartProps {
  /** The run that would be promoted. */
  readonly run: string;
  readonly allowPickle: boolean;
  /** Someone has asked what promoting this run would do. */
  readonly isAsked: boolean;
}

interface IStored {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly bytes: number;
}

/** What `nbprod promote --dry-run` has found out. */
interface IRehearsal {
  readonly signature: JSONValue;
  readonly sample: Record<string, { readonly arguments: JSONValue; readonly answer: JSONValue }>;
  readonly values: readonly IStored[];
  readonly packages: readonly string[];
}

/** What the service of a run takes and answers, tried in a process of its own before anything is made. */
export function RehearsalPart(props: IRehearsalProps): JSX.Element {
  const { model, path, run, allowPickle, isAsked, trans } = props;
  const deed = useDeed();
  const progress = rehearsalOf(model.jobs.list(path, 'preview'), run);
  React.useEffect(() => {
    if (progress && !progress.events.length) {
      model.jobs.load(progress.job.id); // it ended before this page was there
    }
  }, [progress?.job.id]);
  const begin = (): void => {
    void deed.act('preview', async () => {
      model.jobs.add(await model.api.rehearse({ path, run, allow_pickle: allowPickle }));
    });
  };
  const isWanted = isAsked && !progress;
  React.useEffect(() => {
    if (isWanted) {
      begin();
    }
  }, [isWanted, run]);
  const found = progress ? foundIn(progress.events) : null;
  const status = progress?.job.status;
  const step = stepsOf(progress?.events ?? [], 'running').find(one => one.state === 'running');
  return (
    <section aria-label={trans.__('Signature and sample')} aria-live="polite">
      <h4>{trans.__('Signature and sample')}</h4>
      {deed.problem ? <ProblemBox problem={deed.problem} /> : null}
      {found ? <Found found={found} trans={trans} /> : null}
      {!found && (status === 'running' || deed.doing) ? (
        <div className="nbprod-Actions">
          <progress aria-label={trans.__('Trying what would be served')} />
          <span>{step ? stepWords(step.name, trans) : trans.__('starting…')}</span>
          {progress ? (
            <Push onClick={() => void deed.act('stop', () => model.jobs.stop(progress.job.id))}>
              {trans.__('Stop')}
            </Push>
          ) : null}
        </div>
      ) : null}
      {!found && status !== 'running' && !deed.doing ? (
        <>
          {progress?.job.error ? <ProblemBox problem={progress.job.error} /> : null}
          {progress ? null : (
            <p className="nbprod-Note">
              {trans.__(
                'What is served is asked the notebook’s own sample, in a process of its own. Nothing is stored.'
              )}
            </p>
          )}
          <Push onClick={begin}>
            {progress ? trans.__('Try Again') : trans.__('Show Signature and Sample')}
          </Push>
        </>
      ) : null}
    </section>
  );
}

/** The newest attempt for a run that is under way, or that found something, else the newest. */
export function rehearsalOf(all: readonly IProgress[], run: string): IProgress | undefined {
  return all.find(one => one.job.run === run && one.job.status !== 'cancelled');
}

function foundIn(events: readonly JobEvent[]): IRehearsal | null {
  const data = events.find(one => one.data.event === 'previewed')?.data;
  return data && isObject(data.signature) ? (data as unknown as IRehearsal) : null;
}

function Found(props: { found: IRehearsal; trans: IPartProps['trans'] }): JSX.Element {
  const { found, trans } = props;
  const routes = routesOf(
    found.signature,
    Object.fromEntries(Object.entries(found.sample).map(([name, one]) => [name, one.arguments]))
  );
  return (
    <>
      {routes.map(route => (
        <InputTable
          key={route.name}
          route={route}
          answer={found.sample[route.name]?.answer}
          trans={trans}
        />
      ))}
      {found.values.length ? (
        <details className="nbprod-Disclosure">
          <summary>
            {trans._n('It stores %1 value', 'It stores %1 values', found.values.length)}
          </summary>
          <table className="nbprod-Table" aria-label={trans.__('Stored values')}>
            <thead>
              <tr>
                <th scope="col">{trans.__('value')}</th>
                <th scope="col">{trans.__('type')}</th>
                <th scope="col">{trans.__('stored as')}</th>
              </tr>
            </thead>
            <tbody>
              {found.values.map(one => (
                <tr key={one.name}>
                  <th scope="row">
                    <code>{one.name}</code>
                  </th>
                  <td title={one.type}>{one.type.split('.').pop()}</td>
                  <td>{one.bytes ? `${one.format}, ${bytes(one.bytes)}` : one.format}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="nbprod-Note">{found.packages.join(', ')}</p>
        </details>
      ) : null}
    </>
  );
}
