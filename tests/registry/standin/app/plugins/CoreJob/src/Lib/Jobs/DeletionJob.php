<?php
declare(strict_types=1);

namespace CoreJob\Lib\Jobs;

/** upstream: app/plugins/CoreJob/src/Lib/Jobs/DeletionJob.php, whose parameters these are. */
final class DeletionJob extends StandInJob
{
    public function parameterFormat(): array
    {
        return [
            'target_model' => ['type' => 'select', 'choices' => ['Cos'], 'required' => true],
            'target_id' => ['type' => 'integer', 'required' => true],
        ];
    }
}
