<?php
// As the Registry's: what connects, from the environment of the tests.
return ['dsn' => 'pgsql:host=' . getenv('STANDIN_DB_HOST') . ';dbname=' . getenv('STANDIN_DB_NAME') . ';user=registry'];
