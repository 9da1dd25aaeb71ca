import * as React from 'react';

import type { IProjectProps } from '../components/projecttab';
import { useAsked } from '../components/asked';
import { Empty } from '../components/empty';
import { Failed } from '../components/failed';
import { ProblemBox } from '../components/problem';
import { usePulse } from '../components/pulse';
import { Push } from '../components/push';
import { Status } from '../components/status';
import { moment, number } from '../format';
import { CommandIDs } from '../tokens';
import type { JSX } from '../tokens';
import type { Analysis, SweepInfo } from '../types';
import { SweepForm } from './form';

interface IHomeProps extends IProjectProps {
  readonly runningId: string | null;
  readonly isStarting: boolean;
  readonly onStarted: (job: string) => void;
  readonly onOpen: (sweep: string) => void;
}

/** The form of a new sweep above the list of those that there are. */
export function SweepHome(props: IHomeProps): JSX.Element {
  const { model, path, trans, isStarting, onOpen } = props;
  const asked = useAsked(() => model.api.sweeps(path), `${path} ${props.isShown}`);
  usePulse(model, ['sweep'], 2000, asked.again);
  const newest = model.jobs.list(path, 'sweep')[0]?.job;
  const sweeps = asked.value ?? [];
  return (
    <div className="nbprod-Sweep">
      {newest?.status === 'failed' && newest.error && !newest.sweep ? (
        <ProblemBox problem={newest.error} />
      ) : null}
      <NewSweep {...props} analysis={model.analysis} isFirst={asked.value?.length === 0} />
      <p role="status" className="nbprod-Note">
        {isStarting ? trans.__('The sweep is starting…') : ''}
      </p>
      {asked.problem ? (
        <Failed model={model} problem={asked.problem} trans={trans} again={asked.again} />
      ) : null}
      {sweeps.length ? (
        <>
          <h2>{trans.__('Sweeps of this notebook')}</h2>
          <ul className="nbprod-Plain nbprod-Sweep-list">
            {sweeps.map(one => (
              <SweepItem key={one.id} sweep={one} onOpen={() => onOpen(one.id)} trans={trans} />
            ))}
          </ul>
        </>
      ) : null}
    </div>
  );
}

function NewSweep(
  props: IHomeProps & { analysis: Analysis | null; isFirst: boolean }
): JSX.Element {
  const { analysis, model, commands, trans, isFirst } = props;
  if (!analysis) {
    return model.problem ? (
      <ProblemBox problem={model.problem} />
    ) : (
      <p aria-live="polite">{trans.__('looking at the notebook…')}</p>
    );
  }
  const showPipeline = (
    <Push onClick={() => void commands.execute(CommandIDs.open, { tab: 'pipeline' })}>
      {trans.__('Show the pipeline')}
    </Push>
  );
  if (!analysis.parameters.length) {
    return (
      <Empty title={trans.__('Nothing to search yet')}>
        <p>
          {trans.__(
            'A sweep runs the notebook with many values of its parameters and finds the best. Put what you want to vary into one cell, as in “learning_rate = 0.1”, and tag that cell “parameters”.'
          )}
        </p>
        {showPipeline}
      </Empty>
    );
  }
  if (!analysis.metrics.length) {
    return (
      <Empty title={trans.__('No metric to make better')}>
        <p>
          {trans.__(
            'A sweep needs a number that says how good a trial was. Tag the cell that assigns it, as in “accuracy = …”, with “metrics”.'
          )}
        </p>
        {showPipeline}
      </Empty>
    );
  }
  return (
    <details className="nbprod-Disclosure nbprod-Sweep-new" open={isFirst || undefined}>
      <summary>
        <h2>{trans.__('New sweep')}</h2>
      </summary>
      <SweepForm {...props} analysis={analysis} />
    </details>
  );
}

interface IItemProps {
  readonly sweep: SweepInfo;
  readonly onOpen: () => void;
  readonly trans: IProjectProps['trans'];
}

function SweepItem({ sweep, onOpen, trans }: IItemProps): JSX.Element {
  return (
    <li>
      <button type="button" className="nbprod-Sweep-item" title={sweep.id} onClick={onOpen}>
        <span className="nbprod-Sweep-itemhead">
          <span className="nbprod-Sweep-when">{moment(sweep.created)}</span>
          <Status state={sweep.status} trans={trans} />
        </span>
        <span className="nbprod-Sweep-itemfacts">
          {trans.__('%1 of %2 trials', sweep.trials, sweep.size)}
          {sweep.best !== null
            ? ` · ${trans.__('best %1 %2', sweep.metric, number(sweep.best))}`
            : ''}
        </span>
      </button>
    </li>
  );
}
