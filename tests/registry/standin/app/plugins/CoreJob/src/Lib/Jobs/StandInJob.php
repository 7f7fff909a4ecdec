<?php
declare(strict_types=1);

namespace CoreJob\Lib\Jobs;

use App\Model\Entity\Job;
use App\Model\Table\JobHistoryRecordsTable;
use App\Model\Table\JobsTable;

/** What stands in for a job class of the Registry: it takes the same parameters, tells of them, and changes nothing. */
abstract class StandInJob
{
    abstract public function parameterFormat(): array;

    public function run(JobsTable $JobsTable, JobHistoryRecordsTable $JobHistoryRecordsTable, Job $job, array $parameters)
    {
        $JobsTable->start(job: $job, summary: 'given ' . count($parameters) . ' parameters');
        $done = 0;
        foreach ($parameters as $name => $value) {
            $JobHistoryRecordsTable->record(jobId: $job->id, recordKey: $name, comment: var_export($value, true), status: 'OK');
            $JobsTable->setPercentComplete(job: $job, percent: intdiv(100 * ++$done, count($parameters)));
        }
        $JobsTable->finish(job: $job, summary: static::class . ' stands in: nothing was changed');
    }
}
