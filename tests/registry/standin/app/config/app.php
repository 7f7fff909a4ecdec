<?php
// As the Registry's: logs and caches of the web server, and the environment that changes them.
return [
    'debug' => filter_var(getenv('DEBUG') === false ? true : getenv('DEBUG'), FILTER_VALIDATE_BOOLEAN),
    'Log' => [
        'debug' => ['className' => 'File', 'path' => ROOT . '/logs/debug.log', 'url' => getenv('LOG_DEBUG_URL')],
        'error' => ['className' => 'File', 'path' => ROOT . '/logs/error.log', 'url' => getenv('LOG_ERROR_URL')],
    ],
    'Cache' => [
        'site' => ['className' => 'File', 'path' => ROOT . '/tmp/cache/site'],
        'default' => ['className' => 'File', 'path' => ROOT . '/tmp/cache/default', 'url' => getenv('CACHE_DEFAULT_URL')],
        '_cake_core_' => ['className' => 'File', 'path' => ROOT . '/tmp/cache/core', 'url' => getenv('CACHE_CAKECORE_URL')],
        '_cake_model_' => ['className' => 'File', 'path' => ROOT . '/tmp/cache/model', 'url' => getenv('CACHE_CAKEMODEL_URL')],
    ],
];
