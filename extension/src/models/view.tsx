import * as React from 'react';

import { useAsked } from '../components/asked';
import { Failed } from '../components/failed';
import { useWishes } from '../components/handover';
import { usePulse } from '../components/pulse';
import { ProjectTab } from '../components/projecttab';
import type { IProjectProps } from '../components/projecttab';
import type { IViewProps } from '../panel';
import type { JSX } from '../tokens';
import type { Models } from '../types';
import { PromotePart } from './promote';
import { ServicePart } from './service';
import { VersionList } from './versions';

const LOOK_AGAIN = 5000; // ms, while a service is there: it may end by itself

/** What every part of the tab gets. */
export interface IPartProps extends IProjectProps {
  readonly models: Models;
  /** Ask for the models again. */
  readonly again: () => void;
}

/** The Models tab: the service, promotion, the versions. */
export function ModelsView(props: IViewProps): JSX.Element {
  return <ProjectTab {...props} content={ModelsPage} />;
}

function ModelsPage(props: IProjectProps): JSX.Element {
  const { model, path, isShown, trans } = props;
  const asked = useAsked(() => model.api.models(path), `${path} ${isShown}`);
  const [wished, setWished] = React.useState<string | null>(null);
  useWishes(model, 'models', wish => setWished(wish.run ?? null));
  usePulse(model, ['promote', 'serve'], 1000, asked.again);
  const models = asked.value;
  const isServing = models?.services.some(one => ['running', 'starting'].includes(one.status));
  React.useEffect(() => {
    if (!isShown || !isServing) {
      return;
    }
    const timer = window.setInterval(asked.again, LOOK_AGAIN);
    return () => window.clearInterval(timer);
  }, [isShown, isServing, asked.again]);
  if (!models) {
    return asked.problem ? (
      <Failed model={model} problem={asked.problem} trans={trans} again={asked.again} />
    ) : (
      <p aria-live="polite">{trans.__('loading…')}</p>
    );
  }
  const parts: IPartProps = { ...props, models, again: asked.again };
  const hasReady = models.versions.some(one => one.status === 'ready');
  return (
    <div className="nbprod-Models">
      {asked.problem ? (
        <Failed model={model} problem={asked.problem} trans={trans} again={asked.again} />
      ) : null}
      {hasReady ? <ServicePart {...parts} /> : null}
      <PromotePart {...parts} wished={wished} isFirst={models.versions.length === 0} />
      <VersionList {...parts} />
    </div>
  );
}
