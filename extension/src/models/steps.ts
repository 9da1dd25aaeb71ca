/** The steps of a promotion, from the events of its job. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Job, JobEvent } from '../types';

export const STEPS = ['gate', 'capture', 'package', 'parity', 'register'] as const;

export type StepState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export interface IStep {
  readonly name: (typeof STEPS)[number];
  readonly state: StepState;
  /** What the step is about. */
  readonly detail: string;
}

/** Each step with its state: the last that was told of is under way, those before it are done. */
export function stepsOf(events: readonly JobEvent[], status: Job['status']): IStep[] {
  const details = new Map<string, string>();
  for (const { data } of events) {
    if (data.event === 'step' && typeof data.step === 'string') {
      details.set(data.step, typeof data.detail === 'string' ? data.detail : '');
    }
  }
  const at = STEPS.reduce((last, name, index) => (details.has(name) ? index : last), -1);
  const atEnd: StepState =
    status === 'running'
      ? 'running'
      : status === 'done'
        ? 'done'
        : status === 'cancelled'
          ? 'cancelled'
          : 'failed';
  return STEPS.map((name, index) => ({
    name,
    detail: details.get(name) ?? '',
    state: index < at || status === 'done' ? 'done' : index === at ? atEnd : 'queued'
  }));
}

/** What a step does, in words. */
export function stepWords(name: IStep['name'], trans: TranslationBundle): string {
  const words: Record<IStep['name'], string> = {
    gate: trans.__('Gate: are the metrics good enough?'),
    capture: trans.__('Capture: the function, its values and sample calls'),
    package: trans.__('Package: build the service'),
    parity: trans.__('Parity: does it answer as the notebook does?'),
    register: trans.__('Register: make it the champion')
  };
  return words[name];
}

/** The name of the version that a promotion has made; empty while there is none. */
export function promotedName(events: readonly JobEvent[]): string {
  const found = events.find(one => one.data.event === 'promoted');
  return typeof found?.data.name === 'string' ? found.data.name : '';
}
