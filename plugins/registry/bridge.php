<?php
/*
 * The job models of a COmanage Registry, as they are, for registry-jobd.
 *
 *   php bridge.php APP [--models A.B,C.D]   a resident program: starts the Registry at APP once, then runs job after job
 *   php bridge.php --check APP              says which models there are, and what of the Registry is not as expected
 *
 * Descriptor 0 brings jobs, descriptor 3 takes messages, one JSON object a line; 1 and 2 go to the log, so that nothing
 * that a plugin prints is taken for a message. This process starts the Registry and never runs a plugin: it forks a child
 * for a turn, jobs of one CO one after another without a pause, and a new one when a job did not end well. So the Registry
 * is started once, nothing that jobs leave in memory is there for another CO or for long, and exit(), a fatal error or a
 * signal ends one job.
 *
 * A plugin gets the Registry's own tables, with five methods overridden for the one job that runs: what would be written
 * into its row or history is said to the daemon, who alone keeps them. Everything else is the Registry's.
 *
 * `end` is said when a job is really over: its child has settled it, or is dead. The program leaves, with code 0, at the end
 * of its input, and between two jobs when the Registry's files have changed. Before its last `end` it closes descriptor 0:
 * a worker that writes another job finds the pipe broken. A job about which a program that ended with code 0 has said
 * nothing at all was not taken.
 */
declare(strict_types=1);

namespace RegistryJobd;

use App\Application;
use App\Lib\Events\CoIdEventListener;
use App\Lib\Util\StringUtilities;
use App\Model\Entity\Job;
use App\Model\Table\JobHistoryRecordsTable;
use App\Model\Table\JobsTable;
use Cake\Cache\Cache;
use Cake\Datasource\ConnectionManager;
use Cake\Event\EventManager;
use Cake\Log\Log;
use Cake\ORM\TableRegistry;

const TEXT_BYTES = 4096;    // more than the daemon keeps of any text, and little enough for a line
const IDLE_SECONDS = 2;     // without a job: a turn is over, and the Registry's files are looked at again
const END_SECONDS = 5;      // how long a child that has settled its job may take to leave
const FORKING = ['pcntl_async_signals', 'pcntl_fork', 'pcntl_signal', 'pcntl_signal_dispatch', 'pcntl_sigprocmask',
    'pcntl_waitpid', 'posix_getppid', 'posix_kill'];

/** The job that runs in this process, and what it has said of its end. */
final class Running
{
    public static ?int $job = null;
    public static ?string $result = null;       // OK or another status, once the plugin has called finish()
    public static string $summary = '';
    public static bool $is_canceled = false;
    public static int $parent = 0;              // of a child: the process whose death ends it, too

    /** Says that the job ended, and with which code: to the parent, or without one to the daemon. */
    public static ?\Closure $end = null;
}

/**
 * What this process does when PHP ends unasked: it is told which fatal error there was, or null for exit(). A process that
 * a plugin forks does nothing.
 */
final class Ending
{
    private static ?\Closure $tell = null;
    private static int $process = 0;

    public static function expect(?\Closure $tell): void
    {
        [self::$tell, self::$process] = [$tell, getmypid()];
    }

    public static function is_mine(): bool
    {
        return self::$process === getmypid();
    }

    /** As the first of all shutdown functions. */
    public static function handle(): void
    {
        if (!self::$tell || !self::is_mine()) {
            return;
        }
        $error = error_get_last();
        $fatal = E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;
        $tell = self::$tell;
        self::$tell = null;
        $tell($error && $error['type'] & $fatal
            ? 'PHP fatal error: ' . text(strtok($error['message'], "\n")) . place($error['file'], $error['line'])
            : null);
    }
}

/** Descriptor 3. */
final class Line
{
    private static $to;

    public static function open(): bool
    {
        self::$to = @fopen('php://fd/3', 'w');
        // When nobody opened it, it is the file that PHP reads this program from.
        return self::$to && (fstat(self::$to)['mode'] & 0170000) !== 0100000;
    }

    /**
     * Whoever else wrote there without an end of line, that is no part of this message: empty lines are none. A process
     * that a plugin forks says nothing.
     */
    public static function say(array $message): void
    {
        if (!Ending::is_mine()) {
            return;
        }
        $line = json_encode($message, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES
            | JSON_THROW_ON_ERROR);
        $is_orphan = Running::$parent && posix_getppid() !== Running::$parent;
        if ($is_orphan || @fwrite(self::$to, "\n$line\n") === false) {
            Ending::expect(null); // nobody is there to be told of anything
            exit(74);
        }
    }
}

function text(?string $text): string
{
    return substr(str_replace("\0", '?', (string)$text), 0, TEXT_BYTES); // a NUL is no text to PostgreSQL either
}

function place(string $file, int $line): string
{
    return ' (' . basename($file) . ":$line)";
}

function log_line(string $text): void
{
    fwrite(STDERR, "$text\n");
}

/** Programs that a job starts get descriptors 0 to 2 only. PHP itself cannot do that; where it has no FFI they get all. */
function close_on_exec(): void
{
    try {
        \FFI::cdef('int close_range(unsigned, unsigned, int);')->close_range(3, 0xffffffff, 4 /* CLOSE_RANGE_CLOEXEC */);
    } catch (\Throwable) {
    }
}

/* ---- what a plugin is handed ---- */

/** Without the daemon's knowledge nothing is dirty, so that no save of something else writes it. */
function keep(Job $job, array $values): void
{
    foreach ($values as $name => $value) {
        $job->set($name, $value);
    }
    $job->clean();
}

/** Overrides of the table of jobs. `$more`: what a later version adds. */
trait JobCalls
{
    public function start(Job $job, string $summary = '', mixed ...$more)
    {
        if ($job->id !== Running::$job) {
            return parent::start($job, $summary, ...$more);
        }
        if ($job->status !== 'A') {
            throw new \InvalidArgumentException("Job $job->id was started before");
        }
        keep($job, ['status' => 'GO', 'start_summary' => $summary, 'start_time' => date('Y-m-d H:i:s')]);
        Line::say(['job' => $job->id, 'start_summary' => text($summary)]);
    }

    public function finish(Job $job, string $summary = '', string $result = 'OK', mixed ...$more)
    {
        if ($job->id !== Running::$job) {
            return parent::finish($job, $summary, $result, ...$more);
        }
        if ($job->status !== 'GO' && $result !== 'X') {
            throw new \InvalidArgumentException("Job $job->id is not in progress and cannot be finished");
        }
        keep($job, ['status' => $result, 'finish_summary' => $summary, 'finish_time' => date('Y-m-d H:i:s')]);
        [Running::$result, Running::$summary] = [$result, $summary];
    }

    public function setPercentComplete(Job $job, int $percent, mixed ...$more)
    {
        if ($job->id !== Running::$job) {
            return parent::setPercentComplete($job, $percent, ...$more);
        }
        keep($job, ['percent_complete' => $percent]);
        Line::say(['job' => $job->id, 'progress' => ['done' => min(max($percent, 0), 100), 'total' => 100]]);
    }

    public function isCanceled(int $id, mixed ...$more): bool
    {
        return $id === Running::$job && Running::$parent ? Running::$is_canceled : parent::isCanceled($id, ...$more);
    }
}

/** Overrides of the table of history records. */
trait HistoryCalls
{
    public function record(int $jobId, ?string $recordKey, string $comment, string $status = 'NT', ?int $personId = null,
        ?int $externalIdentityId = null, mixed ...$more): int
    {
        if ($jobId !== Running::$job) {
            return parent::record($jobId, $recordKey, $comment, $status, $personId, $externalIdentityId, ...$more);
        }
        Line::say(['job' => $jobId, 'record' => ['key' => text($recordKey), 'comment' => text($comment),
            'status' => in_array($status, ['OK', 'X', 'CX'], true) ? $status : 'NT',
            'person_id' => $personId, 'external_identity_id' => $externalIdentityId]]);
        return 0; // it has no id yet
    }
}

/**
 * One line for each method of the Registry that is not what is overridden here. Parameters that it has besides are none,
 * as long as nobody needs to give them.
 */
function find_differences(): array
{
    $found = [];
    $pairs = [JobCalls::class => JobsTable::class, HistoryCalls::class => JobHistoryRecordsTable::class];
    foreach ($pairs as $ours => $theirs) {
        foreach ((new \ReflectionClass($ours))->getMethods() as $method) {
            $name = $method->getName();
            if (!method_exists($theirs, $name)) {
                $found[] = "$theirs has no $name()";
                continue;
            }
            $original = new \ReflectionMethod($theirs, $name);
            $known = $method->getNumberOfParameters() - 1;
            $expected = signature($method, $known);
            if (signature($original, $known) !== $expected || $original->getNumberOfRequiredParameters() > $known) {
                $found[] = "$theirs has " . signature($original, null) . ", not $expected";
            }
        }
    }
    return $found;
}

/** With the first `$count` parameters, or with all. */
function signature(\ReflectionMethod $method, ?int $count): string
{
    $words = array_map(static fn ($one) => ltrim($one->getType() . " \${$one->getName()}"),
        array_slice($method->getParameters(), 0, $count));
    return $method->getName() . '(' . implode(', ', $words) . ')'
        . ($method->hasReturnType() ? ': ' . $method->getReturnType() : '');
}

/* ---- the Registry ---- */

/** As its command line starts it, but for its logs and caches, which are the web server's: another user's files. */
function start_registry(string $app): void
{
    if (getenv('DEBUG') === false) {
        putenv('DEBUG=false'); // it would be true
    }
    foreach (['DEFAULT', 'CAKECORE', 'CAKEMODEL', 'CAKEROUTES'] as $name) {
        putenv("CACHE_{$name}_URL=array://");
    }
    foreach (['DEBUG', 'ERROR', 'QUERIES', 'TRACE'] as $name) {
        putenv("LOG_{$name}_URL=console://?stream=php://stderr");
    }
    if (!is_readable("$app/vendor/autoload.php")) {
        throw new \RuntimeException("$app/vendor/autoload.php cannot be read");
    }
    require "$app/vendor/autoload.php";
    $application = new Application("$app/config");
    $application->bootstrap();
    $application->pluginBootstrap();
    error_reporting(error_reporting() & ~E_DEPRECATED & ~E_USER_DEPRECATED); // each would be a trace of twenty lines

    foreach (Log::configured() as $name) {
        Log::drop($name);
    }
    Log::setConfig('registry-jobd', ['className' => 'Console', 'stream' => 'php://stderr', 'outputAs' => 0, 'scopes' => null,
        'levels' => ['notice', 'warning', 'error', 'critical', 'alert', 'emergency']]);
    foreach (Cache::configured() as $name) {
        Cache::drop($name);
        Cache::setConfig($name, ['className' => 'Array']);
    }
    if (ConnectionManager::getConfig('plugin') === null) {
        ConnectionManager::alias('default', 'plugin'); // the runner of 5.0 to 5.2 has a connection of this name
    }
    // Whatever else a plugin does to the row of its job: the daemon keeps it.
    EventManager::instance()->on('Model.beforeSave', ['priority' => 1], static function ($event, $entity): void {
        if ($entity instanceof Job && Running::$job !== null && $entity->id === Running::$job) {
            log_line("the row of job $entity->id is the daemon's: what a plugin saved is dropped");
            $event->stopPropagation();
            $event->setResult($entity);
        }
    });
}

/** Here, because PHP must know their parents. */
function define_tables(): void
{
    final class BridgeJobsTable extends JobsTable
    {
        use JobCalls;
    }

    final class BridgeJobHistoryRecordsTable extends JobHistoryRecordsTable
    {
        use HistoryCalls;
    }
}

/** The job models of the active plugins, or those of them that are wanted, as the daemon is told. */
function list_models(?array $wanted): array
{
    $models = [];
    foreach (TableRegistry::getTableLocator()->get('Plugins')->getActivePluginModels('job') as $name) {
        if ($wanted !== null && !in_array($name, $wanted, true)) {
            continue;
        }
        try {
            $parameters = [];
            foreach (make_model($name)->parameterFormat() as $parameter => $format) {
                $parameters[] = describe_parameter((string)$parameter, $format);
            }
            $models[] = ['model' => $name, 'parameters' => $parameters];
        } catch (\Throwable $e) { // one that nobody can run is one that nobody provides
            log_line("$name is left out: " . explain($e));
        }
    }
    return $models;
}

function describe_parameter(string $name, array $format): array
{
    $types = ['bool' => 'bool', 'boolean' => 'bool', 'fk' => 'fk', 'int' => 'integer', 'integer' => 'integer',
        'select' => 'select'];
    $parameter = ['name' => $name, 'type' => $types[$format['type'] ?? ''] ?? 'string',
        'required' => !empty($format['required']), 'help' => text((string)($format['help'] ?? ''))];
    if ($parameter['type'] === 'select') {
        $parameter['choices'] = array_map(strval(...), array_values($format['choices'] ?? []));
    } elseif ($parameter['type'] === 'fk') {
        $table = find_table_of($name);
        $parameter = array_merge($parameter, $table === null ? ['type' => 'integer'] : ['table' => $table]);
    }
    return $parameter;
}

/** The table whose ids a parameter has; null when the daemon cannot tell a row's CO there: the plugin checks it. */
function find_table_of(string $parameter): ?string
{
    try {
        $class = StringUtilities::foreignKeyToClassName($parameter);
        $table = TableRegistry::getTableLocator()->get($class);
        // A reference to its own table is one of an archived row to its successor.
        return $class !== 'Cos' && $table->hasField('co_id') || $class !== 'People' && $table->hasField('person_id')
            ? $table->getTable() : null;
    } catch (\Throwable) { // there is no such table
        return null;
    }
}

function make_model(string $name): object
{
    [$plugin, $class] = explode('.', $name, 2) + [1 => ''];
    $class = "\\$plugin\\Lib\\Jobs\\$class";
    if (!class_exists($class)) {
        throw new \RuntimeException("the Registry has no class $class");
    }
    return new $class();
}

/** The tables that a plugin is handed; all are new for each job, because a table learns its CO when it is made. */
function make_tables(int $co): array
{
    static $listener = null;
    $locator = TableRegistry::getTableLocator();
    $locator->clear();
    if ($listener) {
        EventManager::instance()->off($listener);
    }
    EventManager::instance()->on($listener = new CoIdEventListener($co));
    $locator->setConfig('Jobs', ['className' => BridgeJobsTable::class, 'table' => 'jobs', 'entityClass' => 'Job']);
    $locator->setConfig('JobHistoryRecords', ['className' => BridgeJobHistoryRecordsTable::class,
        'table' => 'job_history_records', 'entityClass' => 'JobHistoryRecord']);
    return [$locator->get('Jobs'), $locator->get('JobHistoryRecords')];
}

/* ---- one job ---- */

function explain(\Throwable $e): string
{
    return text(preg_replace('/\s+/', ' ', trim($e->getMessage())) ?: $e::class) . place($e->getFile(), $e->getLine());
}

/** Where it came from, but for this program, and what it says last: of a failed job the last lines become a record. */
function log_exception(\Throwable $e): void
{
    if ($e->getPrevious()) {
        log_exception($e->getPrevious());
    }
    foreach (explode("\n", $e->getTraceAsString()) as $frame) {
        if (!str_contains($frame, __FILE__) && !str_ends_with($frame, '{main}')) {
            log_line($frame);
        }
    }
    log_line($e::class . ': ' . explain($e));
}

/** Returns whether a transaction was open. */
function roll_back(): bool
{
    try {
        $connection = ConnectionManager::get('default');
        for ($is_open = false; $connection->inTransaction(); $is_open = true) {
            $connection->rollback();
        }
        if ($connection->getDriver()->inTransaction()) { // begun by a statement, of which CakePHP knows nothing
            $connection->getDriver()->disconnect();
            $is_open = true;
        }
        return $is_open;
    } catch (\Throwable $e) { // then it ends with the connection
        log_exception($e);
        return true;
    }
}

/** Runs one job; it is settled when this returns, and when PHP ends in it. */
function run_job(array $task): void
{
    [Running::$job, Running::$result, Running::$summary] = [$task['job'], null, ''];
    Ending::expect(static function (?string $fatal): void {
        roll_back();
        settle_job('X', $fatal ?? 'its plugin called exit()');
    });
    try {
        run_plugin($task);
        if (roll_back()) {
            [Running::$result, Running::$summary] = ['X', 'its plugin left a transaction open, which was rolled back'];
        } elseif (Running::$result === null) {
            [Running::$result, Running::$summary] = ['X', 'its plugin ended without finishing its job'];
        }
    } catch (\Throwable $e) {
        log_exception($e);
        [Running::$result, Running::$summary] = ['X', explain($e)];
        roll_back();
    }
    if (!Ending::is_mine()) { // a process that the plugin forked, and that came back here
        posix_kill(getmypid(), SIGKILL);
    }
    Ending::expect(null);
    settle_job(Running::$result, Running::$summary);
}

/** What the plugin made is gone when this returns. */
function run_plugin(array $task): void
{
    [$jobs, $history] = make_tables($task['co']);
    $job = $jobs->get($task['job']);
    // A signal may have come too early for this process; what it is about was written before.
    Running::$is_canceled = Running::$is_canceled || $job->status === 'CX';
    // As the Registry's own runner hands it over: Assigned; and nothing for which finish() would queue a successor.
    keep($job, ['status' => 'A', 'requeue_interval' => null, 'retry_interval' => null]);
    $model = make_model($task['model']);
    $model->run($jobs, $history, $job, convert_parameters($model->parameterFormat(), $task['parameters'] ?? []));
}

/** The daemon takes "true" and "false" as well; in PHP the text "false" is true. */
function convert_parameters(array $formats, array $parameters): array
{
    foreach ($parameters as $name => $value) {
        if (in_array($formats[$name]['type'] ?? '', ['bool', 'boolean'], true)) {
            $parameters[$name] = filter_var($value, FILTER_VALIDATE_BOOL, FILTER_NULL_ON_FAILURE) ?? $value;
        }
    }
    return $parameters;
}

function settle_job(string $result, string $summary): void
{
    [$job, Running::$job] = [Running::$job, null];
    if ($summary !== '') {
        Line::say(['job' => $job, 'summary' => text($summary)]);
    }
    (Running::$end)($job, $result === 'OK' ? 0 : 1);
}

/* ---- a child, and its turn ---- */

/** The child of a turn, as its parent sees it. */
final class Child
{
    public int $jobs = 0;
    private ?int $status = null; // once it is dead
    private float $deadline = 0;
    private static array $leaving = [];

    private function __construct(public readonly int $co, private int $process, private $channel)
    {
    }

    /** Starts one with its first job. */
    public static function start(array $task): self
    {
        self::reap();
        ConnectionManager::get('default')->getDriver()->disconnect(); // or a child's goodbye would be said in its name
        [$ours, $its] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        $parent = getmypid();
        pcntl_sigprocmask(SIG_BLOCK, [SIGTERM]); // until the child has its handler
        $process = pcntl_fork();
        if ($process === 0) {
            fclose($ours);
            run_turn($its, $parent, $task);
        }
        pcntl_sigprocmask(SIG_UNBLOCK, [SIGTERM]);
        if ($process < 0) {
            throw new \RuntimeException('PHP cannot fork');
        }
        return new self($task['co'], $process, $ours);
    }

    public function give(string $line): void
    {
        @fwrite($this->channel, $line); // await() notices when it is dead
    }

    /** Waits for the end of its job; 0: another one may follow. Otherwise the child is dead when this returns. */
    public function await(int $job): int
    {
        do {
            $is_dead = $this->is_dead(); // first: what it said before is then there to be read
            [$read, $none] = [[$this->channel], null];
            $count = @stream_select($read, $none, $none, $is_dead ? 0 : 1);
        } while (!$count && !$is_dead);
        $this->jobs++;
        $answer = $count ? fgets($this->channel) : false;
        if ($answer === "0\n") {
            return 0;
        }
        $this->end();
        if ($answer === false) {
            Line::say(['job' => $job, 'summary' => $this->explain_death()]);
        }
        return 1;
    }

    /** Tells it to leave: the end of its input. When it has settled its job, there is no need to wait for that. */
    public function dismiss(): void
    {
        fclose($this->channel);
        $this->deadline = hrtime(true) + END_SECONDS * 1e9;
        self::$leaving[] = $this;
    }

    /** Returns when it is dead. */
    public function end(): void
    {
        for ($this->dismiss(); !$this->is_dead(); self::reap()) {
            usleep(1000);
        }
    }

    /** Looks after those that were told to leave; returns whether there are any. */
    public static function reap(): bool
    {
        self::$leaving = array_filter(self::$leaving, static fn ($child) => !$child->is_dead());
        foreach (self::$leaving as $child) {
            if (hrtime(true) > $child->deadline) {
                posix_kill($child->process, SIGKILL);
            }
        }
        return (bool)self::$leaving;
    }

    public function is_dead(): bool
    {
        if ($this->status === null && pcntl_waitpid($this->process, $status, WNOHANG) !== 0) {
            $this->status = $status;
        }
        return $this->status !== null;
    }

    private function explain_death(): string
    {
        if (!pcntl_wifsignaled($this->status)) {
            return 'PHP ended with exit code ' . pcntl_wexitstatus($this->status);
        }
        $signals = array_filter(get_defined_constants(true)['pcntl'], static fn ($name) => preg_match('/^SIG[A-Z]/', $name),
            ARRAY_FILTER_USE_KEY);
        $signal = pcntl_wtermsig($this->status);
        return 'PHP was killed by ' . (array_search($signal, $signals, true) ?: "signal $signal");
    }
}

/** The child: its first job, then those that its parent gives it, until one does not end well. */
function run_turn($channel, int $parent, array $task): never
{
    static $input; // in place of the parent's, for whatever reads there
    fclose(STDIN);
    $input = fopen('/dev/null', 'r');
    close_on_exec();
    $code = 0;
    Running::$parent = $parent;
    Running::$end = static function (int $job, int $ret) use ($channel, &$code): void {
        @fwrite($channel, "$ret\n");
        $code = $ret;
    };
    pcntl_async_signals(true);
    pcntl_signal(SIGTERM, static function (): void {
        Running::$is_canceled = true;
    });
    pcntl_sigprocmask(SIG_UNBLOCK, [SIGTERM]);
    for (;;) {
        run_job($task);
        $line = $code ? null : await_line($channel, static fn () => false);
        if ($line === null) {
            exit(0);
        }
        pcntl_signal_dispatch();
        Running::$is_canceled = false; // that was about the job before
        $task = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    }
}

/* ---- the program ---- */

/** The files from which the Registry was started. */
final class Files
{
    private array $names;
    private string $before;
    private int $looked;
    private bool $is_changed = false;

    public function __construct(private string $app)
    {
        $this->names = get_included_files();
        $this->before = $this->look();
    }

    public function have_changed(): bool
    {
        if (hrtime(true) - $this->looked >= IDLE_SECONDS * 1e9) {
            $this->is_changed = $this->is_changed || $this->look() !== $this->before;
        }
        return $this->is_changed;
    }

    private function look(): string
    {
        $this->looked = hrtime(true);
        $names = $this->names;
        // Not included: configurations that are read, what is new, and where a link leads to that was set to another release.
        foreach (['vendor/autoload.php', 'config/*.php', '../local/config/*', 'plugins/*/config/plugin.json',
            'availableplugins/*/config/plugin.json', '../local/plugins/*/config/plugin.json'] as $pattern) {
            array_push($names, ...(glob("$this->app/$pattern") ?: []));
        }
        $all = '';
        foreach ($names as $name) {
            $status = @stat($name);
            $all .= $status ? "$name $status[dev] $status[ino] $status[size] $status[mtime]\n" : '';
        }
        return md5($all);
    }
}

/** The next line; null when there is none any more, or when `$is_over`, asked now and then while none comes, says so. */
function await_line($from, callable $is_over): ?string
{
    for (;;) {
        [$read, $none] = [[$from], null];
        if (@stream_select($read, $none, $none, IDLE_SECONDS)) {
            return fgets($from) ?: null;
        }
        if ($is_over()) {
            return null;
        }
    }
}

function end_job(int $job, int $code, bool $is_last): void
{
    if ($is_last) {
        fclose(STDIN);
    }
    Line::say(['job' => $job, 'end' => $code]);
}

function serve_with_children(Files $files, int $limit): void
{
    $child = null;
    $idle = static function () use ($files, &$child): bool {
        $child?->dismiss(); // its connection and its memory of the database go
        $child = null;
        Child::reap();
        return $files->have_changed();
    };
    while (is_resource(STDIN) && ($line = await_line(STDIN, $idle)) !== null) {
        $task = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
        if ($child && ($child->co !== $task['co'] || $child->jobs >= $limit || $child->is_dead())) {
            $child->dismiss();
            $child = null;
        }
        try {
            $child ? $child->give($line) : $child = Child::start($task);
            $code = $child->await($task['job']);
        } catch (\RuntimeException $e) {
            Line::say(['job' => $task['job'], 'summary' => $e->getMessage()]);
            $code = 1;
        }
        if ($code) {
            $child = null;
        }
        end_job($task['job'], $code, $files->have_changed());
    }
    $child?->dismiss();
    while (Child::reap()) {
        usleep(1000);
    }
}

/** What a job leaves behind is here for the next one: after one that did not end well, another program goes on. */
function serve_alone(Files $files, int $limit): void
{
    log_line('PHP cannot fork (pcntl and posix are needed): all jobs run in one process');
    Running::$end = static function (int $job, int $code) use ($files, &$limit): void {
        end_job($job, $code, $code || !--$limit || $files->have_changed());
    };
    while (is_resource(STDIN) && ($line = await_line(STDIN, $files->have_changed(...))) !== null) {
        run_job(json_decode($line, true, 512, JSON_THROW_ON_ERROR));
    }
}

/** Returns the models; what prevents that is told to `$fail`, and ends the program. */
function boot(string $app, ?array $wanted, callable $fail): array
{
    ob_start();
    $give_up = static function (string $why) use ($app, $fail): never {
        Ending::expect(null);
        $fail($why);
        exit(69); // not 0, as exit() in a configuration
    };
    Ending::expect(static function (?string $fatal) use ($give_up): never {
        $give_up($fatal ?? (trim(text((string)ob_get_contents())) ?: 'it called exit()'));
    });
    try {
        start_registry($app);
        if ($differences = find_differences()) {
            $give_up('it is of another version: ' . implode('; ', $differences));
        }
        define_tables();
        make_tables(0)[0]->hasField('id'); // what each child would otherwise ask again
        $models = list_models($wanted);
    } catch (\Throwable $e) {
        log_exception($e);
        $give_up(explain($e));
    }
    Ending::expect(null);
    ob_end_flush();
    return $models;
}

function check(string $app): int
{
    $models = boot($app, null, static function (string $why) use ($app): never {
        log_line("the Registry at $app does not start: $why");
        exit(1);
    });
    foreach ($models as $model) {
        echo "$model[model]\n";
        foreach ($model['parameters'] as $one) {
            $type = $one['type'] . match ($one['type']) {
                'select' => '(' . implode(',', $one['choices']) . ')',
                'fk' => "($one[table])",
                default => '',
            };
            echo rtrim("    $one[name] = $type" . ($one['required'] ? ' required' : '') . "  $one[help]"), "\n";
        }
    }
    return 0;
}

function main(array $arguments): int
{
    register_shutdown_function(Ending::handle(...)); // before the Registry's own
    ini_set('zend.exception_ignore_args', '1'); // they may be secret
    $is_check = ($arguments[0] ?? '') === '--check';
    $app = rtrim($arguments[(int)$is_check] ?? '', '/');
    $wanted = ($arguments[1] ?? '') === '--models' ? explode(',', $arguments[2] ?? '') : null;
    if ($app === '' || count($arguments) !== ($is_check ? 2 : ($wanted === null ? 1 : 3))) {
        log_line('usage: php bridge.php APP [--models A.B,C.D] | --check APP');
        return 64;
    }
    if ($is_check) {
        return check($app);
    }
    if (!Line::open()) {
        log_line('descriptor 3 is not open: this program is started by registry-jobd');
        return 64;
    }
    close_on_exec();
    $models = boot($app, $wanted, static fn (string $why) => Line::say(['failed' => $why]));
    $files = new Files($app);
    $limit = max(1, (int)(getenv('REGISTRY_BRIDGE_JOBS') ?: 10000));
    $can_fork = !array_filter(FORKING, static fn ($name) => !function_exists($name));
    if ($can_fork) {
        pcntl_signal(SIGTERM, SIG_IGN); // a cancel goes to the whole group, and is the child's
    }
    Line::say(['ready' => 1, 'models' => $models]);
    $can_fork ? serve_with_children($files, $limit) : serve_alone($files, $limit);
    return 0;
}

exit(main(array_slice($argv, 1)));
