import { Clipboard } from '@jupyterlab/apputils';
import * as React from 'react';

import { useDeed } from '../components/deed';
import { ProblemBox } from '../components/problem';
import { Push } from '../components/push';
import { Status } from '../components/status';
import { moment } from '../format';
import type { JSX } from '../tokens';
import type { ModelVersion, Service } from '../types';
import { ServiceLog } from './log';
import { TryIt } from './tryit';
import { routesOf } from './schema';
import type { IPartProps } from './view';

/** The service of this notebook: whether it runs, where, its log, and a form to try it. */
export function ServicePart(props: IPartProps): JSX.Element {
  const { model, path, models, trans, again } = props;
  const deed = useDeed();
  const service = models.services[0] as Service | undefined;
  const job = model.jobs.list(path, 'serve')[0]?.job;
  const isRunning = service?.status === 'running';
  const isChanging = isRunning && job?.status === 'running'; // the old version answers until the new one does
  const isStarting = !isRunning && (job?.status === 'running' || service?.status === 'starting');
  const ready = models.versions.filter(one => one.status === 'ready');
  const champion = ready.find(one => one.aliases.includes('champion'));
  const served = ready.find(one => one.version === service?.version);
  const isNews = !isRunning || (job?.created ?? 0) > (service?.started ?? 0);
  const failed = job?.status === 'failed' && isNews ? job.error : null;

  const start = (version?: number): void => {
    void deed.act('start', async () => {
      model.jobs.add(await model.api.startService({ path, version }));
    });
  };
  const stop = (): void => {
    void deed.act('stop', async () => {
      if (service) {
        await model.api.stopService(path, service.name);
      }
      again();
    });
  };
  return (
    <section className="nbprod-Service" aria-label={trans.__('Service')}>
      <div className="nbprod-Card-head">
        <h2>{trans.__('Service')}</h2>
        <span aria-live="polite">
          <Status
            state={isStarting ? 'starting' : isRunning ? 'serving' : (service?.status ?? 'stopped')}
            trans={trans}
            detail={
              isRunning && service
                ? isChanging
                  ? trans.__('v%1, changing…', service.version)
                  : `v${service.version}`
                : undefined
            }
          />
        </span>
      </div>
      {isRunning && service ? (
        <Address service={service} trans={trans} />
      ) : (
        <p className="nbprod-Note">
          {service?.status === 'dead'
            ? trans.__('It ended by itself; its log says why. Start it again.')
            : trans.__('A service answers over HTTP. It goes on when JupyterLab is closed.')}
        </p>
      )}
      <div className="nbprod-Actions">
        {isRunning ? (
          <Push disabled={deed.doing !== '' || isChanging} onClick={stop}>
            {deed.doing === 'stop' ? trans.__('stopping…') : trans.__('Stop')}
          </Push>
        ) : (
          <Push
            isMain
            disabled={deed.doing !== '' || isStarting || !champion}
            onClick={() => start()}
          >
            {isStarting || deed.doing === 'start'
              ? trans.__('starting…')
              : champion
                ? trans.__('Start %1', champion.name)
                : trans.__('Start')}
          </Push>
        )}
        {isRunning && champion && service && champion.version !== service.version ? (
          <Push disabled={deed.doing !== '' || isChanging} onClick={() => start(champion.version)}>
            {trans.__('Change to the champion, %1', champion.name)}
          </Push>
        ) : null}
      </div>
      {deed.problem ? <ProblemBox problem={deed.problem} /> : null}
      {failed && !deed.problem ? <ProblemBox problem={failed} /> : null}
      {isRunning && service && served ? (
        <TryPart {...props} service={service} version={served} />
      ) : null}
      {service ? (
        <ServiceLog
          key={`${service.started} ${service.status}`}
          api={model.api}
          path={path}
          name={service.name}
          isOpen={service.status === 'dead'}
          trans={trans}
        />
      ) : null}
    </section>
  );
}

interface IAddressProps {
  readonly service: Service;
  readonly trans: IPartProps['trans'];
}

/** Where the service answers. */
function Address({ service, trans }: IAddressProps): JSX.Element {
  const isWeb = /^https?:\/\//.test(service.url);
  return (
    <p className="nbprod-Service-address">
      <code>{service.url}</code>
      <span className="nbprod-Actions">
        {isWeb ? (
          <a className="nbprod-Link" href={service.url} target="_blank" rel="noopener noreferrer">
            {trans.__('Open the API page')}
          </a>
        ) : null}
        <button
          type="button"
          className="nbprod-Link"
          onClick={() => Clipboard.copyToSystem(service.url)}
        >
          {trans.__('copy the address')}
        </button>
        <span className="nbprod-Note">{trans.__('since %1', moment(service.started))}</span>
      </span>
    </p>
  );
}

function TryPart(props: IPartProps & { service: Service; version: ModelVersion }): JSX.Element {
  const { model, path, service, version, trans } = props;
  const routes = React.useMemo(
    () => routesOf(version.signature, version.sample),
    [version.name, version.created]
  );
  return routes.length ? (
    <TryIt key={version.name} api={model.api} {...{ path, service, routes, trans }} />
  ) : (
    <p>{trans.__('The files of this version do not say what it takes.')}</p>
  );
}
