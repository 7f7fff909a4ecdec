<?php
declare(strict_types=1);

namespace CoreAssigner\Lib\Jobs;

use CoreJob\Lib\Jobs\StandInJob;

/** upstream: app/plugins/CoreAssigner/src/Lib/Jobs/SqlAssignerJob.php, whose parameters these are. */
final class SqlAssignerJob extends StandInJob
{
    public function parameterFormat(): array
    {
        return [
            'identifier_assignment_id' => ['type' => 'fk', 'required' => true],
            'lookback' => ['type' => 'integer', 'required' => false],
            'reprocess_assignments' => ['type' => 'bool', 'required' => false],
            'suppress_noops' => ['type' => 'bool', 'required' => false],
        ];
    }
}
