/** How the form of a service's input is laid out: a labelled line for each value, rows of a table one after another. */
import { nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import { deleteIcon } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type {
  ArrayFieldTemplateProps,
  FieldTemplateProps,
  ObjectFieldTemplateProps,
  RJSFSchema,
  TemplatesType
} from '@rjsf/utils';
import * as React from 'react';

import { Push } from '../components/push';
import type { JSX } from '../tokens';

type Data = ReadonlyJSONObject;

export interface IFormContext {
  readonly trans: TranslationBundle;
}

function FieldTemplate(props: FieldTemplateProps<Data, RJSFSchema, IFormContext>): JSX.Element {
  const { id, label, children, schema, rawErrors, required, hidden, displayLabel } = props;
  const isValue = schema.type !== 'object' && schema.type !== 'array';
  if (hidden || !isValue) {
    return <div hidden={hidden}>{children}</div>;
  }
  // JupyterLab's own template names fields by a `div`, which tells a screen reader nothing
  return (
    <div className="nbprod-InputForm-field">
      {displayLabel ? (
        <label htmlFor={id} title={schema.description}>
          {label}
          {required ? null : <span className="nbprod-InputForm-optional"> ?</span>}
        </label>
      ) : (
        <span />
      )}
      <div className="nbprod-InputForm-value" title={schema.description}>
        {children}
      </div>
      {rawErrors?.length ? (
        <div className="nbprod-FieldError" role="alert">
          {rawErrors.join(', ')}
        </div>
      ) : null}
    </div>
  );
}

function ObjectFieldTemplate(
  props: ObjectFieldTemplateProps<Data, RJSFSchema, IFormContext>
): JSX.Element {
  const { idSchema, title, properties } = props;
  const isPart = idSchema.$id === 'root' || /_\d+$/.test(idSchema.$id); // the array around it has its name
  return (
    <fieldset className="nbprod-InputForm-object">
      {isPart || !title ? null : <legend>{title}</legend>}
      {properties.map(property => (
        <React.Fragment key={property.name}>{property.content}</React.Fragment>
      ))}
    </fieldset>
  );
}

function ArrayFieldTemplate(
  props: ArrayFieldTemplateProps<Data, RJSFSchema, IFormContext>
): JSX.Element {
  const { title, items, canAdd, onAddClick, formContext } = props;
  const trans = formContext?.trans ?? nullTranslator.load('nbprod');
  return (
    <fieldset className="nbprod-InputForm-array">
      <legend>{title}</legend>
      {items.map(item => (
        <div
          key={item.key}
          className="nbprod-InputForm-item"
          role="group"
          aria-label={`${title} ${item.index + 1}`}
        >
          <div className="nbprod-InputForm-itemhead">
            <span>{item.index + 1}</span>
            {item.hasRemove ? (
              <button
                type="button"
                className="nbprod-InputForm-remove"
                title={trans.__('Remove')}
                aria-label={trans.__('Remove %1 %2', title, item.index + 1)}
                onClick={item.onDropIndexClick(item.index)}
              >
                <deleteIcon.react tag="span" elementSize="small" />
              </button>
            ) : null}
          </div>
          {item.children}
        </div>
      ))}
      {canAdd ? <Push onClick={onAddClick}>{trans.__('Add to %1', title)}</Push> : null}
    </fieldset>
  );
}

export const templates: Partial<TemplatesType<Data, RJSFSchema, IFormContext>> = {
  FieldTemplate,
  ObjectFieldTemplate,
  ArrayFieldTemplate
};
