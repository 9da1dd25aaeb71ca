import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JSX } from '../tokens';

/** The sign of each state; the word stands beside it. */
export const SIGNS: Record<string, string> = {
  pending: '○',
  queued: '○',
  running: '◐',
  serving: '●',
  starting: '◐',
  building: '◐',
  done: '✓',
  ready: '✓',
  cached: '≡',
  failed: '✕',
  dead: '✕',
  cancelled: '■',
  stopped: '■',
  skipped: '–',
  lost: '?',
  outdated: '△',
  new: '+'
};

/** The word for a state. */
export function stateWord(state: string, trans: TranslationBundle): string {
  switch (state) {
    case 'pending':
    case 'queued':
      return trans.__('queued');
    case 'running':
    case 'serving':
      return trans.__('running');
    case 'starting':
      return trans.__('starting');
    case 'building':
      return trans.__('building');
    case 'done':
      return trans.__('done');
    case 'ready':
      return trans.__('ready');
    case 'cached':
      return trans.__('cached');
    case 'failed':
      return trans.__('failed');
    case 'dead':
      return trans.__('ended by itself');
    case 'cancelled':
    case 'stopped':
      return trans.__('stopped');
    case 'skipped':
      return trans.__('left out');
    case 'lost':
      return trans.__('lost');
    case 'outdated':
      return trans.__('out of date');
    case 'new':
      return trans.__('not run yet');
    default:
      return state;
  }
}

interface IStatusProps {
  readonly state: string;
  readonly trans: TranslationBundle;
  /** Added to the word: a time, say. */
  readonly detail?: string;
}

/** A state as sign and word; colour is on the sign's border only, so nothing is told by colour alone. */
export function Status({ state, trans, detail }: IStatusProps): JSX.Element {
  return (
    <span className="nbprod-Status" data-state={state}>
      <span className="nbprod-Status-sign" aria-hidden="true">
        {SIGNS[state] ?? '·'}
      </span>
      <span className="nbprod-Status-word">{stateWord(state, trans)}</span>
      {detail ? <span className="nbprod-Status-detail">{detail}</span> : null}
    </span>
  );
}
