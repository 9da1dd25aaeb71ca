import './base.css';
import './parts.css';
import './cells.css';
import './pipeline.css';
import './run.css';
import './runs.css';
import './sweep.css';
import './models.css';
