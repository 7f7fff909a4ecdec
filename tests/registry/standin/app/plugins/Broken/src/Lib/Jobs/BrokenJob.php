<?php
declare(strict_types=1);

namespace Broken\Lib\Jobs;

final class BrokenJob
{
    public function parameterFormat(): array
    {
        throw new \LogicException('has no parameters to tell of');
    }
}
