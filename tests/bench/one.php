<?php
// one.php APP: for the benchmark, a program that starts the Registry for each job.
[, $app] = $argv;
require "$app/vendor/autoload.php";
$application = new App\Application("$app/config");
$application->bootstrap();
$application->pluginBootstrap();
new \Fake\Lib\Jobs\NoopJob();
echo '{"summary": "nothing was done"}', "\n";
