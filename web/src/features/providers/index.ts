export { freeName } from './presets';
