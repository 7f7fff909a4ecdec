<?php
declare(strict_types=1);

namespace Fake\Lib\Jobs;

use App\Model\Entity\Job;
use App\Model\Table\JobHistoryRecordsTable;
use App\Model\Table\JobsTable;

/** Has parameters of each type, and says what it was given. */
final class TypesJob
{
    public function parameterFormat(): array
    {
        return [
            'flag' => ['type' => 'bool', 'help' => 'yes or no', 'required' => false],
            'other_flag' => ['type' => 'boolean', 'required' => false],
            'count' => ['type' => 'int', 'required' => true, 'help' => 'how many'],
            'size' => ['type' => 'integer'],
            'word' => ['type' => 'select', 'choices' => ['a' => 'one', 'b' => 'two']],
            'text' => ['type' => 'string'],
            'odd' => ['type' => 'something new'],
            'person_id' => ['type' => 'fk'],
            'name_id' => ['type' => 'fk'],
            'co_id' => ['type' => 'fk'],
            'unheard_of_id' => ['type' => 'fk'],
        ];
    }

    public function run(JobsTable $JobsTable, JobHistoryRecordsTable $JobHistoryRecordsTable, Job $job, array $parameters)
    {
        $JobsTable->start(job: $job);
        foreach ($parameters as $name => $value) {
            $JobHistoryRecordsTable->record(jobId: $job->id, recordKey: $name, comment: var_export($value, true));
        }
        $JobsTable->finish(job: $job);
    }
}
