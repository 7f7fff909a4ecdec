<?php
declare(strict_types=1);

namespace CoreJob\Lib\Jobs;

/** upstream: app/plugins/CoreJob/src/Lib/Jobs/ProvisionerJob.php, whose parameters these are. */
final class ProvisionerJob extends StandInJob
{
    public function parameterFormat(): array
    {
        return [
            'model' => ['type' => 'select', 'choices' => ['Groups', 'People'], 'required' => true],
            'provisioning_target_id' => ['type' => 'fk', 'required' => true],
            'entities' => ['type' => 'string', 'required' => false],
        ];
    }
}
