<?php
/*
 * runner.php APP CO...: for the benchmark, what the Registry's own runner does for each job of these COs, in one process and
 * with nothing around it: claim FOR UPDATE, and an archive copy with each of the three changes of the row. Prints how many
 * it has run.
 */
declare(strict_types=1);

[, $app] = $argv;
require "$app/vendor/autoload.php";
$application = new App\Application("$app/config");
$application->bootstrap();
$application->pluginBootstrap();
$dsn = (require "$app/../local/config/database.php")['dsn'];
$db = new PDO($dsn, null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);

$columns = implode(', ', $db->query("SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'
    AND table_name = 'jobs' AND column_name NOT IN ('id', 'job_id')")->fetchAll(PDO::FETCH_COLUMN));
$copy = $db->prepare("INSERT INTO jobs (job_id, $columns) SELECT id, $columns FROM jobs WHERE id = ?");
$next = $db->prepare("SELECT * FROM jobs WHERE co_id = ? AND status = 'Q' AND job_id IS NULL AND deleted IS NOT TRUE
    AND (start_after_time IS NULL OR start_after_time <= now() AT TIME ZONE 'UTC') ORDER BY id LIMIT 1 FOR UPDATE");
$look = $db->prepare('SELECT * FROM jobs WHERE id = ?');
$changes = [];
foreach (['A' => 'assigned_host = ?, assigned_pid = ?', 'GO' => 'start_summary = ?, start_time = now()',
    'OK' => 'finish_summary = ?, finish_time = now(), percent_complete = 100'] as $status => $set) {
    $changes[$status] = $db->prepare("UPDATE jobs SET status = '$status', $set, modified = now(), revision = revision + 1
        WHERE id = ?");
}

/** A save of the Registry: read, an archive copy and the change in a transaction. */
function save(int $job, string $status, array $values): void
{
    global $db, $copy, $look, $changes;
    $is_open = $db->inTransaction();
    $look->execute([$job]);
    $look->fetch();
    $is_open || $db->beginTransaction();
    $copy->execute([$job]);
    $changes[$status]->execute([...$values, $job]);
    $db->commit();
}

/** Runs the next job of a CO; false when there is none. */
function run_next(string $co): bool
{
    global $db, $next;
    $db->beginTransaction();
    $next->execute([$co]);
    if (!($row = $next->fetch(PDO::FETCH_ASSOC))) {
        $db->commit();
        return false;
    }
    save($row['id'], 'A', [gethostname(), getmypid()]);
    [$plugin, $class] = explode('.', $row['plugin']);
    $class = "\\$plugin\\Lib\\Jobs\\$class";
    new $class();
    save($row['id'], 'GO', ['nothing']);
    save($row['id'], 'OK', ['nothing was done']);
    return true;
}

$n = 0;
foreach (array_slice($argv, 2) as $co) {
    while (run_next($co)) {
        $n++;
    }
}
echo "$n\n";
