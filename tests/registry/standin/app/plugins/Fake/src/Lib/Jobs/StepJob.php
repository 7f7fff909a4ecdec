<?php
declare(strict_types=1);

namespace Fake\Lib\Jobs;

use App\Model\Entity\Job;
use App\Model\Table\JobHistoryRecordsTable;
use App\Model\Table\JobsTable;
use Cake\Cache\Cache;
use Cake\Datasource\ConnectionManager;
use Cake\ORM\TableRegistry;

/** Walks some steps as a job of the Registry does, and does something else on the way. */
final class StepJob
{
    private static array $seen = [];
    private JobsTable $jobs;
    private JobHistoryRecordsTable $history;
    private Job $job;
    private array $parameters;

    public function parameterFormat(): array
    {
        return [
            'do' => ['type' => 'string', 'help' => 'what to do on the way', 'required' => true],
            'steps' => ['type' => 'int', 'required' => false],
            'pause' => ['type' => 'int', 'help' => 'milliseconds a step', 'required' => false],
        ];
    }

    public function run(JobsTable $JobsTable, JobHistoryRecordsTable $JobHistoryRecordsTable, Job $job, array $parameters)
    {
        [$this->jobs, $this->history, $this->job, $this->parameters] = [$JobsTable, $JobHistoryRecordsTable, $job, $parameters];
        $steps = (int)($parameters['steps'] ?? 1);
        if ($parameters['do'] === 'refuse') {
            return $JobsTable->finish(job: $job, summary: 'there is nothing to walk on', result: 'X');
        }
        if ($parameters['do'] === 'finish_only') {
            return $JobsTable->finish(job: $job, summary: 'there was nothing to do');
        }
        $JobsTable->start(job: $job, summary: "walking $steps steps");
        for ($i = 1; $i <= $steps; $i++) {
            if (method_exists($this, $act = 'act_' . $parameters['do'])) {
                $this->$act();
            }
            usleep(1000 * (int)($parameters['pause'] ?? 0));
            $this->record((string)$i, 'done', 'OK');
            if ($JobsTable->isCanceled($job->id)) {
                $this->record('', 'turned back', 'CX');
                break;
            }
            $JobsTable->setPercentComplete(job: $job, percent: (int)round($i * 100 / $steps));
        }
        if ($parameters['do'] !== 'forget') {
            $JobsTable->finish(job: $job, summary: 'walked ' . ($i - 1) . ' steps');
        }
    }

    private function record(string $key, string $comment, string $status = 'NT'): void
    {
        $this->history->record(jobId: $this->job->id, recordKey: $key, comment: $comment, status: $status);
    }

    private function act_throw(): void
    {
        throw new \RuntimeException("a stone\nlay in the way");
    }

    private function act_error(): void
    {
        intdiv(1, 0);
    }

    private function act_type_error(): void
    {
        strlen([]);
    }

    private function act_exit(): void
    {
        exit(0);
    }

    private function act_die(): void
    {
        die("words before it died\n");
    }

    private function act_exit_in_transaction(): void
    {
        $this->act_open();
        exit(0);
    }

    private function act_memory(): void
    {
        ini_set('memory_limit', '64M');
        for ($all = [];;) {
            $all[] = str_repeat('x', 1000);
        }
    }

    /** Until nothing at all is left. */
    private function act_little_memory(): void
    {
        $all = new \SplFixedArray(1000000);
        for ($i = 0;; $i++) {
            $all[$i] = new \stdClass();
        }
    }

    private function act_undefined(): void
    {
        eval('class Two { function f(int $a) {} } class Three extends Two { function f(string $a, $b) {} }');
    }

    private function act_signal(): void
    {
        posix_kill(getmypid(), SIGSEGV);
    }

    private function act_kill(): void
    {
        posix_kill(getmypid(), SIGKILL);
    }

    private function act_exec(): void
    {
        pcntl_exec('/bin/sh', ['-c', 'exit 3']);
    }

    private function act_open(): void
    {
        $connection = ConnectionManager::get('default');
        $connection->begin();
        $connection->begin();
        $connection->execute("UPDATE cos SET description = 'changed' WHERE id = ?", [$this->job->co_id]);
    }

    private function act_begin_by_sql(): void
    {
        $connection = ConnectionManager::get('default');
        $connection->execute('BEGIN');
        $connection->execute("UPDATE cos SET description = 'changed' WHERE id = ?", [$this->job->co_id]);
    }

    private function act_deprecated(): void
    {
        trigger_error('an old way', E_USER_DEPRECATED);
    }

    private function act_lose_connection(): void
    {
        $this->act_open();
        ConnectionManager::get('default')->execute('SELECT pg_terminate_backend(pg_backend_pid())');
    }

    private function act_own(): void
    {
        $this->jobs->saveOrFail($this->job->set('percent_complete', 7));
        $this->jobs->saveOrFail($this->jobs->get($this->job->id)->set('finish_summary', 'mine'));
    }

    private function act_start_twice(): void
    {
        $this->jobs->start(job: $this->job, summary: 'again');
    }

    private function act_finish_early(): void
    {
        $this->jobs->finish(job: $this->job, summary: 'early');
        throw new \RuntimeException('late');
    }

    private function act_co(): void
    {
        $this->record('co', var_export(TableRegistry::getTableLocator()->get('People')->co, true));
    }

    private function act_entity(): void
    {
        $job = $this->job;
        $this->record('entity', json_encode([$job->id, $job->co_id, $job->status, $job->requeue_interval, $job->retry_interval,
            $job->retry_count, $job->getDirty()]));
    }

    private function act_person(): void
    {
        $this->history->record(jobId: $this->job->id, recordKey: 'p', comment: 'linked', status: 'OK', personId: 17,
            externalIdentityId: 4, externalIdentityRoleId: 9);
    }

    /** As ProvisioningTargets does it. */
    private function act_register(): void
    {
        $job = TableRegistry::getTableLocator()->get('Jobs')->register(coId: $this->job->co_id, plugin: 'Fake.NoopJob',
            parameters: ['of' => $this->job->id], requeuedFrom: $this->job->id, retryCount: $this->job->retry_count + 1);
        $this->record('registered', (string)$job->id);
    }

    private function act_other(): void
    {
        $other = $this->jobs->get((int)$this->parameters['other']);
        $this->jobs->start(job: $other, summary: 'of another');
        $this->jobs->setPercentComplete(job: $other, percent: 42);
        $this->history->record(jobId: $other->id, recordKey: 'of another',
            comment: var_export($this->jobs->isCanceled($other->id), true));
        $this->jobs->finish(job: $other, summary: 'ended by another', result: 'X');
    }

    private function act_echo(): void
    {
        echo json_encode(['job' => $this->job->id, 'end' => 0]), "\n";
        fwrite(STDOUT, json_encode(['job' => $this->job->id, 'summary' => 'forged']) . "\n");
        file_put_contents('php://stdout', json_encode(['record' => ['comment' => 'forged', 'status' => 'OK']]) . "\n");
    }

    private function act_texts(): void
    {
        foreach (file($this->parameters['file'], FILE_IGNORE_NEW_LINES) as $i => $line) {
            $this->history->record(jobId: $this->job->id, recordKey: "$i", comment: base64_decode($line));
        }
        $this->history->record(jobId: $this->job->id, recordKey: null, comment: '', status: 'ZZ');
    }

    private function act_cache(): void
    {
        $this->record('cached', Cache::remember('key', static fn () => 'value', 'site'));
    }

    private function act_secret(): void
    {
        $this->log_in($this->parameters['password']);
    }

    private function log_in(string $password): void
    {
        throw new \RuntimeException('wrong password');
    }

    private function act_percents(): void
    {
        foreach ([-5, 0, 100, 250] as $percent) {
            $this->jobs->setPercentComplete(job: $this->job, percent: $percent);
        }
    }

    /** Leaves a process behind that holds what it inherited. */
    private function act_leave_behind(): void
    {
        exec('sh -c \'for fd in /proc/self/fd/*; do echo "${fd##*/} $(readlink $fd)"; done\'', $fds);
        $this->record('fds', implode(', ', $fds));
        proc_open(['sh', '-c', 'printf "{\"job\": 1, \"e" >&3; exec sleep 60'], [1 => ['file', '/dev/null', 'w'],
            2 => ['file', '/dev/null', 'w']], $pipes);
        usleep(100000);
    }

    private function act_fork(): void
    {
        $process = pcntl_fork();
        if ($process === 0) {
            return; // both go on
        }
        pcntl_waitpid($process, $status);
        $this->record('forked', (string)pcntl_wtermsig($status));
    }

    private function act_fork_and_exit(): void
    {
        $process = pcntl_fork();
        if ($process === 0) {
            exit(0);
        }
        pcntl_waitpid($process, $status);
    }

    /** What a job before left in this process. */
    private function act_remember(): void
    {
        $this->record('seen', implode(',', self::$seen));
        self::$seen[] = $this->job->id;
        $this->record('process', (string)getmypid());
        $this->record('memory', (string)memory_get_usage());
    }

    private function act_hang(): void
    {
        while (!$this->jobs->isCanceled($this->job->id)) {
            usleep(500);
        }
    }

    private function act_stuck(): void
    {
        for (;;) {
            usleep(1000);
        }
    }

    private function act_slow_end(): void
    {
        register_shutdown_function(static function (): void {
            for (;;) {
                usleep(1000);
            }
        });
        throw new \RuntimeException('ends slowly');
    }

    private function act_input(): void
    {
        $this->record('input', var_export(file_get_contents('php://stdin'), true));
    }
}
