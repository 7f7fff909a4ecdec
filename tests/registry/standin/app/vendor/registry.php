<?php
declare(strict_types=1);

namespace App\Model\Entity {
    class Job extends \Cake\ORM\Entity
    {
    }

    class JobHistoryRecord extends \Cake\ORM\Entity
    {
    }
}

namespace App\Model\Table {
    use App\Model\Entity\Job;
    use App\Model\Entity\JobHistoryRecord;

    /** upstream: app/src/Model/Table/JobsTable.php, whose signatures these are. */
    class JobsTable extends \Cake\ORM\Table
    {
        public function start(Job $job, string $summary = "")
        {
            $job->set('status', 'GO')->set('start_summary', $summary);
            $this->saveOrFail($job);
        }

        public function finish(Job $job, string $summary = "", string $result = 'OK')
        {
            $job->set('status', $result)->set('finish_summary', $summary);
            $this->saveOrFail($job);
            $delay = $result === 'OK' ? $job->requeue_interval : $job->retry_interval;
            if ($delay > 0) {
                $this->register(coId: $job->co_id, plugin: $job->plugin, parameters: json_decode($job->parameters, true),
                    requeuedFrom: $job->id);
            }
        }

        public function setPercentComplete(Job $job, int $percent)
        {
            $job->set('percent_complete', $percent);
            $this->saveOrFail($job);
        }

        public function isCanceled(int $id): bool
        {
            return $this->get($id, cache: null)->status === 'CX';
        }

        public function register(int $coId, string $plugin, array $parameters = [], string $registerSummary = "",
            ?int $requeuedFrom = null, ?int $retryCount = null): Job
        {
            $job = new Job();
            foreach (['co_id' => $coId, 'plugin' => $plugin, 'parameters' => json_encode($parameters), 'status' => 'Q',
                'register_summary' => $registerSummary, 'requeued_from_job_id' => $requeuedFrom, 'retry_count' => $retryCount,
                'revision' => 0, 'deleted' => false] as $name => $value) {
                $job->set($name, $value);
            }
            $this->saveOrFail($job);
            return $job;
        }
    }

    /** upstream: app/src/Model/Table/JobHistoryRecordsTable.php */
    class JobHistoryRecordsTable extends \Cake\ORM\Table
    {
        public function record(int $jobId, ?string $recordKey, string $comment, string $status = 'NT', ?int $personId = null,
            ?int $externalIdentityId = null, ?int $externalIdentityRoleId = null): int
        {
            $record = new JobHistoryRecord();
            foreach (['job_id' => $jobId, 'record_key' => $recordKey, 'comment' => $comment, 'status' => $status,
                'person_id' => $personId, 'external_identity_id' => $externalIdentityId] as $name => $value) {
                $record->set($name, $value);
            }
            return (int)$this->saveOrFail($record)->id;
        }
    }

    /** upstream: app/src/Model/Table/PluginsTable.php: active is what the database says, models are in plugin.json. */
    class PluginsTable extends \Cake\ORM\Table
    {
        public function findActive(): array
        {
            return $this->getConnection()->execute("SELECT plugin FROM plugins WHERE status = 'A' ORDER BY plugin")
                ->fetchAll(\PDO::FETCH_COLUMN);
        }

        public function getActivePluginModels(string $type): array
        {
            $active = [];
            foreach ($this->findActive() as $plugin) {
                $types = json_decode(file_get_contents(ROOT . "/plugins/$plugin/config/plugin.json"), true)['types'];
                foreach ($types[$type] ?? [] as $model) {
                    $active[] = "$plugin.$model";
                }
            }
            return array_combine($active, $active);
        }
    }

    class PeopleTable extends \Cake\ORM\Table
    {
        public ?int $co = null;

        public function acceptsCoId(): bool
        {
            return true;
        }

        public function setCurCoId(int $id): void
        {
            $this->co = $id;
        }
    }
}

namespace App\Lib\Util {
    final class StringUtilities
    {
        public static function foreignKeyToClassName(string $key): string
        {
            $name = str_replace(' ', '', ucwords(str_replace('_', ' ', substr($key, 0, -3))));
            return $name === 'Person' ? 'People' : $name . 's';
        }
    }
}

namespace App\Lib\Events {
    /** upstream: app/src/Lib/Events/CoIdEventListener.php */
    final class CoIdEventListener implements \Cake\Event\EventListenerInterface
    {
        public function __construct(private int $co)
        {
        }

        public function atInitialize(\Cake\Event\Event $event): void
        {
            $table = $event->getSubject();
            if (method_exists($table, 'acceptsCoId') && $table->acceptsCoId()) {
                $table->setCurCoId($this->co);
            }
        }

        public function implementedEvents(): array
        {
            return ['Model.initialize' => ['callable' => 'atInitialize']];
        }
    }
}

namespace App {
    use Cake\Cache\Cache;
    use Cake\Datasource\ConnectionManager;
    use Cake\Log\Log;
    use Cake\ORM\TableRegistry;

    /** upstream: app/src/Application.php and app/config/bootstrap.php */
    final class Application
    {
        public function __construct(private string $config)
        {
        }

        public function bootstrap(): void
        {
            define('ROOT', dirname($this->config));
            $app = require "$this->config/app.php";
            $database = @include ROOT . '/../local/config/database.php';
            if (!is_array($database)) {
                exit("Config file `database.php` did not return an array\n"); // with code 0
            }
            if ($app['debug']) {
                throw new \RuntimeException('Plugin `DebugKit` could not be found.'); // is not installed in production
            }
            register_shutdown_function(static function (): void {
                Log::write('debug', 'the application is shut down');
            });
            foreach ($app['Cache'] as $name => $config) {
                Cache::setConfig($name, $config);
            }
            foreach ($app['Log'] as $name => $config) {
                Log::setConfig($name, $config);
            }
            ConnectionManager::setConfig('default', $database);
            Log::write('error', 'the application is started');
            $plugins = TableRegistry::getTableLocator()->get('Plugins');
            $plugins->hasField('status');
            $active = $plugins->findActive();
            spl_autoload_register(static function (string $class) use ($active): void {
                [$plugin, $rest] = explode('\\', $class, 2) + [1 => ''];
                $file = ROOT . "/plugins/$plugin/src/" . str_replace('\\', '/', $rest) . '.php';
                if (in_array($plugin, $active, true) && is_file($file)) {
                    require $file;
                }
            });
            if ($boots = getenv('STANDIN_BOOTS')) {
                file_put_contents($boots, getmypid() . "\n", FILE_APPEND);
            }
        }

        public function pluginBootstrap(): void
        {
        }
    }
}
