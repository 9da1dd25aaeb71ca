import * as React from 'react';

import type { IProjectProps } from '../components/projecttab';
import { useAsked } from '../components/asked';
import { Back } from '../components/back';
import { useDeed } from '../components/deed';
import { Failed } from '../components/failed';
import { show } from '../components/handover';
import { ProblemBox } from '../components/problem';
import { usePulse } from '../components/pulse';
import { Push } from '../components/push';
import { Status } from '../components/status';
import { duration, moment, number } from '../format';
import type { JSX } from '../tokens';
import type { Sweep, Trial } from '../types';
import { SweepCharts } from './charts';
import { bestOf, countEnded, mergeTrials, reuse, sweepIdOf } from './live';
import { TrialCard } from './trialcard';
import { TrialTable } from './trials';

interface IPageProps extends IProjectProps {
  readonly id: string;
  readonly onBack: () => void;
}

/** One sweep, live while it goes on. */
export function SweepPage(props: IPageProps): JSX.Element {
  const { model, path, id, onBack, trans } = props;
  const asked = useAsked(() => model.api.sweep(path, id), id);
  const [goingOn, setGoingOn] = React.useState('');
  const progress = model.jobs
    .list(path, 'sweep')
    .find(one => one.job.id === goingOn || (one.job.sweep ?? sweepIdOf(one.events)) === id);
  // events tell each trial as it ends; what needs all of them (importance) is asked for now and then
  usePulse(model, ['sweep'], 5000, asked.again);
  const found = asked.value;
  return (
    <div className="nbprod-Sweep">
      <Back label={trans.__('All sweeps')} onBack={onBack} />
      {asked.problem ? (
        <Failed model={model} problem={asked.problem} trans={trans} again={asked.again} />
      ) : null}
      {!found && asked.isLoading ? <p aria-live="polite">{trans.__('loading…')}</p> : null}
      {progress?.job.status === 'failed' && progress.job.error ? (
        <ProblemBox problem={progress.job.error} />
      ) : null}
      {found ? (
        <SweepBody
          {...props}
          sweep={found}
          job={progress?.job.status === 'running' ? progress.job.id : null}
          events={progress?.events ?? []}
          count={progress?.events.length ?? 0}
          onGoingOn={setGoingOn}
        />
      ) : null}
    </div>
  );
}

interface IBodyProps extends IPageProps {
  readonly sweep: Sweep;
  /** The job that does it now. */
  readonly job: string | null;
  readonly events: Parameters<typeof mergeTrials>[1];
  /** How many events there are: the list itself grows in place. */
  readonly count: number;
  /** Told the job that goes on with the sweep. */
  readonly onGoingOn: (job: string) => void;
}

function SweepBody(props: IBodyProps): JSX.Element {
  const { model, commands, rendermime, sweep, job, events, count, trans } = props;
  const { metric, direction } = sweep;
  const trials = React.useMemo(() => mergeTrials(sweep.trials, events), [sweep, events, count]);
  const best = React.useMemo(() => bestOf(trials, metric, direction), [trials, metric, direction]);
  const [chosen, setChosen] = React.useState<number | null>(null);
  const trial = trials.find(one => one.number === chosen) ?? best;
  const finished = countEnded(trials);
  const state = job ? 'running' : sweep.status;
  return (
    <>
      <h2 title={sweep.id}>{trans.__('Sweep of %1', moment(sweep.created))}</h2>
      <div aria-live="polite">
        <p className="nbprod-Detail-state">
          <Status
            state={state}
            trans={trans}
            detail={sweep.finished ? duration(sweep.finished - sweep.created) : undefined}
          />
          <span>{trans.__('%1 of %2 trials', finished, sweep.size)}</span>
          {best ? (
            <strong>{trans.__('best %1 %2', metric, number(best.metrics[metric]))}</strong>
          ) : null}
        </p>
      </div>
      {job ? (
        <progress
          className="nbprod-Progress"
          value={finished}
          max={Math.max(sweep.size, 1)}
          aria-label={trans.__('Trials that have ended')}
        />
      ) : null}
      <ReuseNote trials={trials} trans={trans} />
      <SweepActions {...props} trials={trials} finished={finished} />
      {trial ? (
        <TrialCard
          trial={trial}
          isBest={trial === best}
          sweep={sweep}
          {...{ model, commands, trans }}
        />
      ) : null}
      <SweepCharts {...{ sweep, trials, rendermime, trans }} best={best?.number ?? null} />
      <h3>{trans.__('Trials')}</h3>
      <TrialTable
        {...{ trials, sweep, trans }}
        best={best?.number ?? null}
        chosen={trial?.number ?? null}
        onChoose={setChosen}
      />
      <p>
        <button
          type="button"
          className="nbprod-Link"
          onClick={() => show(model, commands, { tab: 'runs', sweep: sweep.id })}
        >
          {trans.__('These trials in the list of runs')}
        </button>
      </p>
    </>
  );
}

function ReuseNote({
  trials,
  trans
}: {
  trials: readonly Trial[];
  trans: IProjectProps['trans'];
}): JSX.Element | null {
  const { reused, total } = reuse(trials);
  return total ? (
    <p className="nbprod-Note">
      {trans.__(
        '%1 of %2 tasks did not have to run: another trial or an earlier run had done the same.',
        reused,
        total
      )}
    </p>
  ) : null;
}

interface IActionsProps extends IBodyProps {
  readonly trials: readonly Trial[];
  readonly finished: number;
}

/** Stop, go on, repeat what failed. */
function SweepActions(props: IActionsProps): JSX.Element {
  const { model, path, sweep, job, trials, finished, trans } = props;
  const deed = useDeed();
  const failed = trials.filter(one => one.status === 'failed').length;
  const isBusyElsewhere = model.jobs.running(path, 'sweep') !== null && !job;
  const goOn = (name: string, retry: boolean): void => {
    void deed.act(name, async () => {
      const { id, direction } = sweep;
      const job = await model.api.startSweep({ path, resume: id, retry_failed: retry, direction });
      props.onGoingOn(job.id);
      model.jobs.add(job);
    });
  };
  const button = (name: string, label: string, work: () => void): JSX.Element => (
    <Push disabled={deed.doing !== '' || isBusyElsewhere} onClick={work}>
      {deed.doing === name ? trans.__('one moment…') : label}
    </Push>
  );
  return (
    <>
      <div className="nbprod-Actions">
        {job
          ? button(
              'stop',
              trans.__('Stop'),
              () => void deed.act('stop', () => model.jobs.stop(job))
            )
          : null}
        {!job && finished < sweep.size
          ? button('resume', trans.__('Go on with it'), () => goOn('resume', false))
          : null}
        {!job && failed
          ? button(
              'retry',
              trans._n('Repeat the failed trial', 'Repeat %1 failed trials', failed),
              () => goOn('retry', true)
            )
          : null}
      </div>
      {deed.problem ? <ProblemBox problem={deed.problem} /> : null}
    </>
  );
}
