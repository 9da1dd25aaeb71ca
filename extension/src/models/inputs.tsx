import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONValue } from '@lumino/coreutils';
import * as React from 'react';

import type { JSX } from '../tokens';
import { AnswerValue } from './answer';
import { fieldsOf, sampleOf } from './signature';
import type { IRoute } from './schema';

interface IInputsProps {
  readonly route: IRoute;
  /** What the sample was answered. */
  readonly answer?: JSONValue;
  readonly trans: TranslationBundle;
}

/** What a route takes, field by field, and a call that it is known to answer. */
export function InputTable({ route, answer, trans }: IInputsProps): JSX.Element {
  const fields = fieldsOf(route.input);
  const groups = [...new Set(fields.map(field => field.of))];
  return (
    <>
      {groups.map(of => (
        <React.Fragment key={of}>
          <h4>
            <code>{of ? `/${route.name} ${of}` : `/${route.name}`}</code>
          </h4>
          <div className="nbprod-Scroll">
            <table className="nbprod-Table" aria-label={trans.__('What %1 takes', route.name)}>
              <thead>
                <tr>
                  <th scope="col">{trans.__('field')}</th>
                  <th scope="col">{trans.__('type')}</th>
                  <th scope="col">{trans.__('sample')}</th>
                </tr>
              </thead>
              <tbody>
                {fields
                  .filter(field => field.of === of)
                  .map(field => (
                    <tr key={field.name}>
                      <th scope="row">
                        <code>{field.name}</code>
                        {field.isRequired ? '' : ` (${trans.__('may be left out')})`}
                        {field.about ? <div className="nbprod-Note">{field.about}</div> : null}
                      </th>
                      <td>{field.type}</td>
                      <td className="nbprod-mod-sample">{sampleOf(route.sample, field)}</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
        </React.Fragment>
      ))}
      <details className="nbprod-Disclosure">
        <summary>{trans.__('The whole sample')}</summary>
        <pre className="nbprod-Log" tabIndex={0} aria-label={trans.__('Sample')}>
          {JSON.stringify(route.sample, null, 2)}
        </pre>
      </details>
      {answer === undefined ? null : (
        <div className="nbprod-Answer">
          <h4>{trans.__('Answer to the sample')}</h4>
          <AnswerValue answer={answer} label={trans.__('Answer to the sample')} />
        </div>
      )}
    </>
  );
}
