<?php
declare(strict_types=1);

namespace CoreJob\Lib\Jobs;

/** upstream: app/plugins/CoreJob/src/Lib/Jobs/AdopterJob.php, whose parameters these are. */
final class AdopterJob extends StandInJob
{
    public function parameterFormat(): array
    {
        return [
            'external_identity_source_id' => ['type' => 'fk', 'required' => true],
            'source_keys' => ['type' => 'string', 'required' => false],
        ];
    }
}
