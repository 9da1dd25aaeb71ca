import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JSX } from '../tokens';

/** The sign of each state; the word stands beside it. */
export const SIGNS: Record<string, string> = {
  pending: '○',
  queued: '○',
  running: '◐',
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
  const words: Record<string, string> = {
    pending: trans.__('queued'),
    queued: trans.__('queued'),
    running: trans.__('running'),
    starting: trans.__('starting'),
    building: trans.__('building'),
    done: trans.__('done'),
    ready: trans.__('ready'),
    cached: trans.__('cached'),
    failed: trans.__('failed'),
    dead: trans.__('ended by itself'),
    cancelled: trans.__('stopped'),
    stopped: trans.__('stopped'),
    skipped: trans.__('left out'),
    lost: trans.__('lost'),
    outdated: trans.__('out of date'),
    new: trans.__('not run yet')
  };
  return words[state] ?? state;
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
