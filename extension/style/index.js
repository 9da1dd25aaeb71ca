import './base.css';
import './cells.css';
import './pipeline.css';
import './run.css';
import './runs.css';
import './sweep.css';
import './models.css';
