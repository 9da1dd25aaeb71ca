import * as React from 'react';

import { useWishes } from '../components/handover';
import { ProjectTab } from '../components/projecttab';
import type { IProjectProps } from '../components/projecttab';
import type { IViewProps } from '../panel';
import type { JSX } from '../tokens';
import { SweepHome } from './home';
import { isGoing, sweepIdOf } from './live';
import { SweepPage } from './page';

/** The Sweep tab: the form and earlier sweeps, or one sweep. */
export function SweepView(props: IViewProps): JSX.Element {
  return <ProjectTab {...props} content={Sweeps} />;
}

function Sweeps(props: IProjectProps): JSX.Element {
  const { model, path } = props;
  const running = model.jobs.running(path, 'sweep');
  const runningId = running ? (running.job.sweep ?? sweepIdOf(running.events)) : null;
  const [open, setOpen] = React.useState<string | null>(runningId);
  const [followed, setFollowed] = React.useState<string | null>(null);
  useWishes(model, 'sweep', wish => wish.sweep && setOpen(wish.sweep));
  // a sweep that was started here is shown as soon as it has a name
  React.useEffect(() => {
    const job = model.jobs.list(path, 'sweep').find(one => one.job.id === followed);
    const id = job ? (job.job.sweep ?? sweepIdOf(job.events)) : null;
    if (id || (job && !isGoing(job.job.status === 'running' ? 'running' : 'done'))) {
      setFollowed(null);
      setOpen(old => id ?? old);
    }
  });
  return open ? (
    <SweepPage key={open} {...props} id={open} onBack={() => setOpen(null)} />
  ) : (
    <SweepHome
      {...props}
      runningId={runningId}
      isStarting={followed !== null}
      onStarted={setFollowed}
      onOpen={setOpen}
    />
  );
}
