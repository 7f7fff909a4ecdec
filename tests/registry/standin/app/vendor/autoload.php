<?php
/*
 * A stand-in of our own for the Registry's application: the names that bridge.php touches of CakePHP (cake.php) and of the
 * Registry (registry.php), and those that the plugins here need, with the behaviour that the bridge depends on. The database
 * is a real one. A comment "upstream: FILE" names the place where that behaviour was read.
 */
declare(strict_types=1);

require_once __DIR__ . '/cake.php';
require_once __DIR__ . '/registry.php';
