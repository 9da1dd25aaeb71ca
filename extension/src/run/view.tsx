import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Action } from '../components/action';
import { Empty } from '../components/empty';
import { Facts } from '../components/facts';
import { ProblemBox } from '../components/problem';
import { show } from '../components/handover';
import { Status } from '../components/status';
import { duration, moment, value } from '../format';
import type { IViewProps } from '../panel';
import type { ITaskState } from '../states';
import { CommandIDs } from '../tokens';
import type { INbprodModel, IProgress, JSX } from '../tokens';
import { Failure } from './failure';
import { Log } from './log';
import { progressOf } from './progress';
import { Tasks } from './tasks';

/** The run under way, or the last one: its tasks, what they print, and what went wrong. */
export function RunView({ model, commands, trans }: IViewProps): JSX.Element {
  const job = shownJob(model);
  const isRunning = job?.job.status === 'running';
  const recorded = job?.job.id ?? model.lastRun?.run.job ?? null;
  React.useEffect(() => {
    if (recorded) {
      model.jobs.load(recorded); // its log
    }
  }, [model, recorded, job?.job.status]);
  const error = job && ['failed', 'lost'].includes(job.job.status) ? job.job.error : null;
  const failed = failures(model);
  const { analysis, problem, lastRun } = model;
  const isNew = !job && !lastRun;
  return (
    <div className="nbprod-Run">
      <div className="nbprod-Actions nbprod-Toolbar">
        {isRunning ? (
          <Action commands={commands} id={CommandIDs.stop} isMain />
        ) : (
          <>
            <Action commands={commands} id={CommandIDs.run} isMain />
            <Action commands={commands} id={CommandIDs.force} />
          </>
        )}
        <Action commands={commands} id={CommandIDs.refresh} isIcon />
      </div>
      {isRunning ? null : <NextParameters {...{ model, commands, trans }} />}
      {problem ? <ProblemBox problem={problem} /> : null}
      {isNew && !problem ? <FirstRun {...{ model, commands, trans }} /> : null}
      <Summary {...{ model, commands, trans }} job={job} />
      {error && !failed.length ? <ProblemBox problem={error} /> : null}
      {failed.map(([task, state]) => (
        <Failure
          key={task}
          task={task}
          problem={state.error!}
          run={isRunning ? null : state.run}
          commands={commands}
          trans={trans}
        />
      ))}
      {analysis?.tasks.length ? (
        <section>
          <h2>{trans.__('Tasks')}</h2>
          <Tasks
            names={analysis.tasks.map(task => task.name)}
            states={model.states}
            commands={commands}
            trans={trans}
          />
        </section>
      ) : null}
      <LogOf model={model} trans={trans} id={recorded} />
    </div>
  );
}

/** The newest job that runs this notebook, unless a newer run was started elsewhere. */
function shownJob({ path, jobs, lastRun }: INbprodModel): IProgress | null {
  const newest = path ? jobs.list(path, 'run')[0] : undefined;
  if (!newest) {
    return null;
  }
  const isOlder = !!lastRun && lastRun.run.created > newest.job.created;
  const isOther = isOlder && lastRun.run.id !== newest.job.run;
  return isOther && newest.job.status !== 'running' ? null : newest;
}

function failures(model: INbprodModel): [string, ITaskState][] {
  return [...model.states].filter(([, state]) => state.state === 'failed' && state.error !== null);
}

/** That the next run takes other values than the notebook's own. */
function NextParameters({ model, trans }: IViewProps): JSX.Element | null {
  const set = Object.entries(model.parameters);
  if (!set.length) {
    return null;
  }
  const values = set.map(([name, one]) => `${name} = ${value(one)}`).join(', ');
  return (
    <p className="nbprod-Run-next">
      {trans.__('The next run takes %1', values)}{' '}
      <button type="button" className="nbprod-Link" onClick={() => model.clearParameters()}>
        {trans.__('Reset')}
      </button>
    </p>
  );
}

function FirstRun({ model, trans }: IViewProps): JSX.Element {
  return model.analysis?.tagged ? (
    <Empty title={trans.__('This notebook has not run as a pipeline yet')}>
      <p>
        {trans.__(
          'Each task runs in a kernel of its own, beside your own one, and the notebook is not changed. What a task gives is kept: the next run repeats only what has changed.'
        )}
      </p>
    </Empty>
  ) : (
    <Empty title={trans.__('Run it whole, or cut it into tasks first')}>
      <p>
        {trans.__(
          'Without tasks the whole notebook runs again each time. Cut it into tasks in the tab Pipeline: then only what has changed runs.'
        )}
      </p>
    </Empty>
  );
}

function Summary({
  model,
  commands,
  trans,
  job
}: IViewProps & { readonly job: IProgress | null }): JSX.Element | null {
  const last = model.lastRun?.run;
  const isRecorded = !!last && (!job || last.id === job.job.run);
  const isRunning = job?.job.status === 'running';
  const now = useClock(isRunning || last?.status === 'running');
  if (!job && !last) {
    return null;
  }
  const state = isRunning || !isRecorded ? (job?.job.status ?? '') : last.status;
  const started = job?.job.created ?? last?.created ?? 0;
  const finished = job?.job.finished ?? null;
  const seconds =
    state === 'running'
      ? Math.max(0, now - started)
      : isRecorded
        ? last.seconds
        : finished && finished - started;
  const run = isRecorded && !isRunning ? last.id : null;
  const wasExecuted = model.lastRun?.tasks.some(
    task => task.has_notebook || task.status === 'cached'
  );
  const live = job ? progressOf(job).metrics : {};
  const metrics = run !== null ? (last?.metrics ?? {}) : live;
  return (
    <section className="nbprod-Run-summary" aria-label={trans.__('The run')}>
      <div aria-live="polite">
        <Status
          state={state}
          trans={trans}
          detail={seconds === null ? undefined : duration(seconds)}
        />{' '}
        <span className="nbprod-Note">{trans.__('started %1', moment(started))}</span>
      </div>
      {Object.keys(metrics).length ? <Facts facts={metrics} label={trans.__('Metrics')} /> : null}
      {run !== null ? (
        <div className="nbprod-Actions nbprod-Run-results">
          {wasExecuted ? (
            <>
              <Action commands={commands} id={CommandIDs.openExecuted} args={{ run }} />
              <Action commands={commands} id={CommandIDs.openReport} args={{ run }} />
            </>
          ) : null}
          <button
            type="button"
            className="jp-mod-styled nbprod-Button"
            onClick={() => show(model, commands, { tab: 'runs', run })}
          >
            {trans.__('Details')}
          </button>
        </div>
      ) : null}
    </section>
  );
}

interface ILogOfProps {
  readonly model: INbprodModel;
  readonly trans: TranslationBundle;
  /** The job. */
  readonly id: string | null;
}

function LogOf({ model, trans, id }: ILogOfProps): JSX.Element | null {
  const job = model.jobs.list(model.path ?? undefined, 'run').find(one => one.job.id === id);
  const log = job ? progressOf(job).log : [];
  return log.length ? <Log log={log} size={job?.events.length ?? 0} trans={trans} /> : null;
}

/** Seconds since 1970, anew each second while something runs. */
function useClock(isOn: boolean): number {
  const [now, setNow] = React.useState(Date.now() / 1000);
  React.useEffect(() => {
    if (!isOn) {
      return;
    }
    setNow(Date.now() / 1000);
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [isOn]);
  return now;
}
