import * as React from 'react';

import { Facts } from '../components/facts';
import { show } from '../components/handover';
import { ProblemBox } from '../components/problem';
import { moment, number } from '../format';
import type { JSX } from '../tokens';
import type { PromotePreview } from '../types';
import { InputTable } from './inputs';
import { RehearsalPart } from './rehearsal';
import { routesOf } from './schema';
import type { IPartProps } from './view';

interface IPreviewProps extends IPartProps {
  readonly preview: PromotePreview;
  readonly allowPickle: boolean;
  readonly isAsked: boolean;
}

/** What promoting a run would do: the gate's checks, what becomes the service, what it replaces. */
export function PreviewCard(props: IPreviewProps): JSX.Element {
  const { model, commands, models, preview, trans } = props;
  const { run, checks, serve, champion } = preview;
  const before = models.versions.find(one => one.name === champion);
  const routes = before ? routesOf(before.signature, before.sample) : [];
  const metrics = Object.entries(run.metrics).map(([name, one]) => [name, number(one)]);
  const taken = Object.entries(serve?.inputs ?? {});
  const same = models.versions.find(one => one.run === run.id && one.status === 'ready');
  return (
    <div className="nbprod-Card">
      <div className="nbprod-Card-head">
        <h3>{trans.__('Run of %1', moment(run.created))}</h3>
        <button
          type="button"
          className="nbprod-Link"
          onClick={() => show(model, commands, { tab: 'runs', run: run.id })}
        >
          {trans.__('show the run')}
        </button>
      </div>
      <Facts facts={Object.fromEntries(metrics)} label={trans.__('Metrics')} />
      {same ? (
        <p className="nbprod-Note">
          {trans.__('%1 is this run already. Promoting it makes another version.', same.name)}
        </p>
      ) : null}
      <h4>{trans.__('Gate')}</h4>
      {checks.length ? (
        <ul className="nbprod-Plain">
          {checks.map((check, index) => (
            <li key={index} className="nbprod-Gate" data-passed={check.passed}>
              <span className="nbprod-Gate-sign" aria-hidden="true">
                {check.passed ? '✓' : '✕'}
              </span>
              <span>
                {check.metric} <strong>{number(check.value)}</strong>{' '}
                <span title={check.wanted}>
                  {check.passed
                    ? trans.__('meets %1', shortened(check.wanted))
                    : trans.__('does not meet %1', shortened(check.wanted))}
                </span>
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <p className="nbprod-Note">
          {trans.__(
            'Nothing is required. With promote.require in pipelines.yaml a run has to reach a metric first.'
          )}
        </p>
      )}
      {serve ? (
        <>
          <h4>{trans.__('What becomes the service')}</h4>
          <p>
            {serve.kind === 'function'
              ? trans.__('the function %1', serve.name)
              : trans.__('the estimator %1', serve.name)}
          </p>
          {taken.length ? (
            <p className="nbprod-Note">
              {trans.__(
                'It takes along: %1.',
                taken.map(([name, task]) => trans.__('%1 (of %2)', name, task)).join(', ')
              )}
            </p>
          ) : null}
          <RehearsalPart {...props} key={run.id} run={run.id} />
        </>
      ) : null}
      {before && routes.length ? (
        <details className="nbprod-Disclosure">
          <summary>{trans.__('What %1, which it replaces, takes', before.name)}</summary>
          {routes.map(route => (
            <InputTable key={route.name} route={route} trans={trans} />
          ))}
        </details>
      ) : null}
      {preview.problem ? <ProblemBox problem={preview.problem} /> : null}
    </div>
  );
}

/** A rule with its long numbers shortened; its title has them whole. */
function shortened(rule: string): string {
  return rule.replace(/\d+\.\d{5,}(?:e[+-]?\d+)?/g, long => number(Number(long)));
}
