<?php
declare(strict_types=1);

namespace CoreJob\Lib\Jobs;

/** upstream: app/plugins/CoreJob/src/Lib/Jobs/SyncJob.php, whose parameters these are. */
final class SyncJob extends StandInJob
{
    public function parameterFormat(): array
    {
        return [
            'external_identity_source_id' => ['type' => 'fk', 'required' => false],
            'force' => ['type' => 'bool', 'required' => false],
            'source_keys' => ['type' => 'string', 'required' => false],
            'reference_id' => ['type' => 'string', 'required' => false],
        ];
    }
}
