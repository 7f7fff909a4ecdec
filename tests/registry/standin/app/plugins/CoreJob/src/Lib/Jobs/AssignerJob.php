<?php
declare(strict_types=1);

namespace CoreJob\Lib\Jobs;

/** upstream: app/plugins/CoreJob/src/Lib/Jobs/AssignerJob.php, whose parameters these are. */
final class AssignerJob extends StandInJob
{
    public function parameterFormat(): array
    {
        return [
            'context' => ['type' => 'select', 'choices' => ['Groups', 'People'], 'required' => true],
            'entities' => ['type' => 'string', 'required' => false],
        ];
    }
}
