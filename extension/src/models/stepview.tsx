import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ProblemBox } from '../components/problem';
import { Status } from '../components/status';
import { moment } from '../format';
import type { IProgress, JSX } from '../tokens';
import { promotedName, stepsOf, stepWords } from './steps';

const RECENT = 600; // seconds in which a promotion that went well stays open

interface IStepsProps {
  readonly progress: IProgress;
  readonly trans: TranslationBundle;
}

/** How the newest promotion goes, or went. */
export function Steps({ progress, trans }: IStepsProps): JSX.Element {
  const { job, events } = progress;
  const isOld = job.status === 'done' && Date.now() / 1000 - job.created > RECENT;
  const steps = stepsOf(events, job.status);
  const name = promotedName(events);
  const calls = steps.find(one => one.name === 'parity')?.detail ?? '';
  return (
    <details className="nbprod-Disclosure nbprod-Steps" open={!isOld}>
      <summary>
        <h3>
          {job.status === 'running'
            ? trans.__('Promotion under way')
            : trans.__('Promotion of %1', moment(job.created))}
        </h3>
      </summary>
      <ol className="nbprod-Plain" aria-live="polite">
        {steps.map(step => (
          <li key={step.name} className="nbprod-Steps-step">
            <span className="nbprod-Steps-head">
              <span>{stepWords(step.name, trans)}</span>
              <Status state={step.state} trans={trans} />
            </span>
            {step.detail ? <span className="nbprod-Note">{step.detail}</span> : null}
          </li>
        ))}
      </ol>
      {job.status === 'done' ? (
        <p role="status">
          <strong>{trans.__('%1 is the champion.', name)}</strong>{' '}
          {calls ? trans.__('The service gave the notebook’s own answers (%1).', calls) : ''}
        </p>
      ) : null}
      {job.error ? <ProblemBox problem={job.error} /> : null}
    </details>
  );
}
