import { LabIcon } from '@jupyterlab/ui-components';

import svg from '../style/icons/nbprod.svg';

export const nbprodIcon = new LabIcon({ name: 'nbprod:icon', svgstr: svg });
