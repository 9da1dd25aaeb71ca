import { Dialog, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';

import { useDeed } from '../components/deed';
import { Facts } from '../components/facts';
import { show } from '../components/handover';
import { ProblemBox } from '../components/problem';
import { Push } from '../components/push';
import { Status } from '../components/status';
import { moment, number } from '../format';
import type { JSX } from '../tokens';
import type { ModelVersion } from '../types';
import { InputTable } from './inputs';
import { lineageOf } from './lineage';
import { routesOf } from './schema';
import type { IPartProps } from './view';

/** All versions of the model, newest first. */
export function VersionList(props: IPartProps): JSX.Element | null {
  const { models, trans } = props;
  const deed = useDeed();
  if (!models.versions.length) {
    return null;
  }
  return (
    <section aria-label={trans.__('Versions')}>
      <h2>{trans.__('Versions')}</h2>
      {deed.problem ? <ProblemBox problem={deed.problem} /> : null}
      <ul className="nbprod-Plain">
        {models.versions.map(version => (
          <VersionItem
            key={version.name}
            {...props}
            version={version}
            isBusy={deed.doing !== ''}
            onBack={() => void deed.act('back', () => rollBack(props, version))}
            onServe={() =>
              void deed.act('serve', async () => {
                const { model, path } = props;
                model.jobs.add(await model.api.startService({ path, version: version.version }));
              })
            }
          />
        ))}
      </ul>
    </section>
  );
}

/** Make another version the champion, and have the service, where one runs, change to it without losing a request. */
async function rollBack(props: IPartProps, version: ModelVersion): Promise<void> {
  const { model, path, models, trans, again } = props;
  const isServing = models.services.some(one => one.status === 'running');
  const isBack = isEarlier(props, version);
  const answer = await showDialog({
    title: isBack
      ? trans.__('Roll back to %1?', version.name)
      : trans.__('Make %1 the champion?', version.name),
    body: isServing
      ? trans.__(
          'It becomes the champion, and the service changes to it; no request is lost. Nothing is deleted.'
        )
      : trans.__('It becomes the champion. Nothing is deleted.'),
    buttons: [
      Dialog.cancelButton(),
      Dialog.okButton({ label: isBack ? trans.__('Roll back') : trans.__('Make it the champion') })
    ]
  });
  if (!answer.button.accept) {
    return;
  }
  await model.api.crown(path, version.model, version.version);
  if (isServing) {
    model.jobs.add(await model.api.startService({ path, version: version.version }));
  }
  again();
}

/** Whether a version is older than the champion. */
function isEarlier({ models }: IPartProps, version: ModelVersion): boolean {
  const champion = models.versions.find(one => one.aliases.includes('champion'));
  return champion !== undefined && version.version < champion.version;
}

interface IItemProps extends IPartProps {
  readonly version: ModelVersion;
  readonly isBusy: boolean;
  readonly onBack: () => void;
  readonly onServe: () => void;
}

function VersionItem(props: IItemProps): JSX.Element {
  const { version, trans } = props;
  const isChampion = version.aliases.includes('champion');
  const metrics = Object.entries(version.metrics).map(([name, one]) => `${name} ${number(one)}`);
  return (
    <li>
      <details className="nbprod-Version" data-champion={isChampion}>
        <summary>
          <span className="nbprod-Version-head">
            <strong>{version.name}</strong>
            {isChampion ? (
              <span className="nbprod-Badge">
                <span aria-hidden="true">★ </span>
                {trans.__('champion')}
              </span>
            ) : null}
            {version.aliases
              .filter(alias => alias !== 'champion')
              .map(alias => (
                <span key={alias} className="nbprod-Badge">
                  {alias === 'previous' ? trans.__('the one before') : alias}
                </span>
              ))}
            <Status state={version.status} trans={trans} />
          </span>
          <span className="nbprod-Note">{[moment(version.created), ...metrics].join(' · ')}</span>
        </summary>
        <VersionBody {...props} isChampion={isChampion} />
      </details>
    </li>
  );
}

function VersionBody(props: IItemProps & { isChampion: boolean }): JSX.Element {
  const { model, commands, models, version, isBusy, isChampion, onBack, onServe, trans } = props;
  const lineage = lineageOf(version.lineage, trans);
  const isServed = models.services.some(
    one => one.version === version.version && one.status === 'running'
  );
  const isReady = version.status === 'ready';
  return (
    <div className="nbprod-Version-body">
      {version.error ? <div className="nbprod-Tasks-error">{version.error}</div> : null}
      <div className="nbprod-Actions">
        {isReady && !isChampion ? (
          <Push disabled={isBusy} onClick={onBack}>
            {isEarlier(props, version)
              ? trans.__('Roll back to it…')
              : trans.__('Make it the champion…')}
          </Push>
        ) : null}
        {isReady && !isServed ? (
          <Push disabled={isBusy} onClick={onServe}>
            {trans.__('Serve this version')}
          </Push>
        ) : null}
        <button
          type="button"
          className="nbprod-Link"
          onClick={() => show(model, commands, { tab: 'runs', run: version.run })}
        >
          {trans.__('show its run')}
        </button>
      </div>
      <Facts facts={lineage.facts} label={trans.__('Lineage')} />
      <Part title={trans.__('Metrics')} facts={version.metrics} isOpen />
      <Part title={trans.__('Parameters')} facts={lineage.parameters} isOpen />
      <Part title={trans.__('Data')} facts={lineage.data} />
      <Part title={trans.__('Values it carries')} facts={lineage.values} />
      <Part title={trans.__('Packages')} facts={lineage.packages} />
      {routesOf(version.signature, version.sample).map(route => (
        <InputTable key={route.name} route={route} trans={trans} />
      ))}
    </div>
  );
}

interface IPartFacts {
  readonly title: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly isOpen?: boolean;
}

function Part({ title, facts, isOpen }: IPartFacts): JSX.Element | null {
  const count = Object.keys(facts).length;
  return count ? (
    <details className="nbprod-Disclosure" open={isOpen}>
      <summary>
        <h3>{title}</h3>
        <span className="nbprod-Count">{count}</span>
      </summary>
      <Facts facts={facts} label={title} />
    </details>
  ) : null;
}
