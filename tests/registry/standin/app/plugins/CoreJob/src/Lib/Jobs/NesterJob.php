<?php
declare(strict_types=1);

namespace CoreJob\Lib\Jobs;

/** upstream: app/plugins/CoreJob/src/Lib/Jobs/NesterJob.php, whose parameters these are. */
final class NesterJob extends StandInJob
{
    public function parameterFormat(): array
    {
        return [
            'group_id' => ['type' => 'integer', 'required' => true],
            'target_group_id' => ['type' => 'integer', 'required' => true],
            'negate' => ['type' => 'bool', 'required' => false],
        ];
    }
}
