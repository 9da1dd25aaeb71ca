import * as React from 'react';
import { Throttler } from '@lumino/polling';

import type { IJobs, INbprodModel } from '../tokens';
import type { Job, JobEvent, JobKind } from '../types';

/** Call back when jobs of these kinds have told something of this notebook: at most every `every` ms, and once they end. */
export function usePulse(
  model: INbprodModel,
  kinds: readonly JobKind[],
  every: number,
  beat: () => void
): void {
  const newest = React.useRef(beat);
  newest.current = beat;
  const wanted = kinds.join(' ');
  React.useEffect(() => {
    const { jobs, path } = model;
    const throttler = new Throttler(() => newest.current(), { limit: every, edge: 'trailing' });
    const concerns = (one: Job | JobEvent): boolean =>
      one.path === path && wanted.split(' ').includes(one.kind);
    const onEvent = (_: IJobs, event: JobEvent): void => {
      if (concerns(event)) {
        void throttler.invoke();
      }
    };
    const onEnded = (_: IJobs, job: Job): void => {
      if (concerns(job)) {
        newest.current();
      }
    };
    jobs.event.connect(onEvent);
    jobs.ended.connect(onEnded);
    return () => {
      jobs.event.disconnect(onEvent);
      jobs.ended.disconnect(onEnded);
      throttler.dispose();
    };
  }, [model, model.path, wanted, every]);
}
