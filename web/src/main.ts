import { mount } from 'svelte';
import '$design/app.css';
import App from '$app/App.svelte';

mount(App, { target: document.getElementById('app')! });
