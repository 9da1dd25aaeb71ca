import type { TranslationBundle } from '@jupyterlab/translation';
import { FormComponent } from '@jupyterlab/ui-components';
import type { JSONValue, ReadonlyJSONObject } from '@lumino/coreutils';
import { customizeValidator } from '@rjsf/validator-ajv8';
import * as React from 'react';

import type { JSX } from '../tokens';
import { templates } from './formparts';
import { formSchema, withRowsFilled } from './schema';
import type { Schema } from './schema';

const validator = customizeValidator<ReadonlyJSONObject>();

interface IInputFormProps {
  readonly schema: Schema;
  readonly data: JSONValue;
  readonly onChange: (data: JSONValue) => void;
  readonly trans: TranslationBundle;
}

/** Fields for what a service takes, made from its JSON Schema. */
export function InputForm({ schema, data, onChange, trans }: IInputFormProps): JSX.Element {
  const form = React.useMemo(() => formSchema(schema), [schema]);
  return (
    <div className="nbprod-InputForm">
      <FormComponent
        // its own form element would stand in the one around it
        tagName="div"
        schema={form}
        validator={validator}
        formData={data as ReadonlyJSONObject}
        templates={templates}
        formContext={{ trans }}
        liveValidate
        showErrorList={false}
        onChange={event => onChange(withRowsFilled(data, event.formData as JSONValue))}
      />
    </div>
  );
}
