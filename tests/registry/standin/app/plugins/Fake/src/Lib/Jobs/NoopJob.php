<?php
declare(strict_types=1);

namespace Fake\Lib\Jobs;

use App\Model\Entity\Job;
use App\Model\Table\JobHistoryRecordsTable;
use App\Model\Table\JobsTable;

/** As little as a job can be. */
final class NoopJob
{
    public function parameterFormat(): array
    {
        return [];
    }

    public function run(JobsTable $JobsTable, JobHistoryRecordsTable $JobHistoryRecordsTable, Job $job, array $parameters)
    {
        $JobsTable->start(job: $job, summary: 'nothing');
        $JobsTable->finish(job: $job, summary: 'nothing was done');
    }
}
