import * as React from 'react';
import { Signal } from '@lumino/signaling';
import type { CommandRegistry } from '@lumino/commands';

import { CommandIDs } from '../tokens';
import type { INbprodModel, TabId } from '../tokens';

/** What one tab asks another to show: a run to promote, say. */
export interface IWish {
  readonly tab: TabId;
  readonly run?: string;
  readonly sweep?: string;
}

/** What the tabs of one panel ask of each other. */
class Handover {
  readonly asked = new Signal<this, IWish>(this);
  /** Asked of a tab that was not there yet. */
  waiting: IWish | null = null;
}

const handovers = new WeakMap<INbprodModel, Handover>();

function handoverOf(model: INbprodModel): Handover {
  const found = handovers.get(model) ?? new Handover();
  handovers.set(model, found);
  return found;
}

/** Open a tab at something. */
export function show(model: INbprodModel, commands: CommandRegistry, wish: IWish): void {
  const handover = handoverOf(model);
  handover.waiting = wish;
  handover.asked.emit(wish);
  void commands.execute(CommandIDs.open, { tab: wish.tab });
}

/** Follow what other tabs ask of this one. */
export function useWishes(model: INbprodModel, tab: TabId, follow: (wish: IWish) => void): void {
  const newest = React.useRef(follow);
  newest.current = follow;
  React.useEffect(() => {
    const handover = handoverOf(model);
    const onAsked = (): void => {
      const wish = handover.waiting;
      if (wish?.tab === tab) {
        handover.waiting = null;
        newest.current(wish);
      }
    };
    onAsked();
    handover.asked.connect(onAsked);
    return () => {
      handover.asked.disconnect(onAsked);
    };
  }, [model, tab]);
}
