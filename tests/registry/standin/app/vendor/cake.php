<?php
declare(strict_types=1);

namespace Cake\Core {
    /** upstream: src/Core/StaticConfigTrait.php: names cannot be set twice, and a `url` goes before the rest. */
    trait StaticConfigTrait
    {
        private static array $config = [];

        public static function setConfig(string $name, array $config): void
        {
            if (isset(self::$config[$name])) {
                throw new \BadMethodCallException("Cannot reconfigure existing key `$name`.");
            }
            if (!empty($config['url'])) {
                if (!preg_match('~^(\w+)://(?:\?(.*))?$~', $config['url'], $parts)) {
                    throw new \InvalidArgumentException("The DSN string `$config[url]` could not be parsed.");
                }
                parse_str($parts[2] ?? '', $query);
                $config = $query + ['className' => ucfirst($parts[1])] + $config;
            }
            self::$config[$name] = $config;
        }

        public static function getConfig(string $name): mixed
        {
            return self::$config[$name] ?? null;
        }

        public static function configured(): array
        {
            return array_keys(self::$config);
        }

        public static function drop(string $name): bool
        {
            unset(self::$made[$name], self::$config[$name]);
            return true;
        }
    }
}

namespace Cake\Log {
    final class Log
    {
        use \Cake\Core\StaticConfigTrait;

        private static array $made = [];

        /** upstream: src/Log/Log.php: to each engine that wants the level. */
        public static function write(string $level, string $message): void
        {
            foreach (self::$config as $one) {
                if (empty($one['levels']) || in_array($level, $one['levels'], true)) {
                    $to = $one['className'] === 'Console' ? $one['stream'] : $one['path'];
                    file_put_contents($to, "$level: $message\n", FILE_APPEND);
                }
            }
        }
    }
}

namespace Cake\Cache {
    final class Cache
    {
        use \Cake\Core\StaticConfigTrait;

        private static array $made = [];

        public static function remember(string $key, callable $make, string $name = 'default'): mixed
        {
            $one = self::$config[$name];
            if ($one['className'] === 'Array') {
                return self::$made[$name][$key] ??= $make();
            }
            if (!is_file("$one[path].$key")) {
                file_put_contents("$one[path].$key", serialize($make()));
            }
            return unserialize(file_get_contents("$one[path].$key"));
        }
    }
}

namespace Cake\Datasource {
    final class Driver
    {
        public function __construct(private Connection $connection)
        {
        }

        public function disconnect(): void
        {
            $this->connection->close();
        }

        /** upstream: src/Database/Driver.php: what the server says, also where Connection was not asked to begin. */
        public function inTransaction(): bool
        {
            return $this->connection->pdo()->inTransaction();
        }
    }

    final class Connection
    {
        private ?\PDO $pdo = null;
        private int $depth = 0;

        public function __construct(private array $config)
        {
        }

        public function pdo(): \PDO
        {
            return $this->pdo ??= new \PDO($this->config['dsn'], null, null,
                [\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION, \PDO::ATTR_DEFAULT_FETCH_MODE => \PDO::FETCH_ASSOC]);
        }

        public function close(): void
        {
            $this->pdo = null;
        }

        public function getDriver(): Driver
        {
            return new Driver($this);
        }

        public function begin(): void
        {
            if (!$this->depth++) {
                $this->pdo()->beginTransaction();
            }
        }

        public function commit(): void
        {
            if (!--$this->depth) {
                $this->pdo()->commit();
            }
        }

        /** upstream: src/Database/Connection.php: without savepoints all of it. */
        public function rollback(): bool
        {
            if (!$this->depth) {
                return false;
            }
            $this->depth = 0;
            $this->pdo()->rollBack();
            return true;
        }

        public function inTransaction(): bool
        {
            return $this->depth > 0;
        }

        public function execute(string $sql, array $values = []): \PDOStatement
        {
            $statement = $this->pdo()->prepare($sql);
            $statement->execute($values);
            return $statement;
        }
    }

    final class ConnectionManager
    {
        use \Cake\Core\StaticConfigTrait;

        private static array $made = [];
        private static array $aliases = [];

        public static function alias(string $source, string $alias): void
        {
            self::$aliases[$alias] = $source;
        }

        public static function get(string $name): Connection
        {
            $name = self::$aliases[$name] ?? $name;
            return self::$made[$name] ??= new Connection(self::$config[$name]);
        }
    }
}

namespace Cake\Event {
    interface EventListenerInterface
    {
        public function implementedEvents(): array;
    }

    final class Event
    {
        private bool $isStopped = false;
        private mixed $result = null;

        public function __construct(public readonly string $name, private object $subject)
        {
        }

        public function getSubject(): object
        {
            return $this->subject;
        }

        public function stopPropagation(): void
        {
            $this->isStopped = true;
        }

        public function isStopped(): bool
        {
            return $this->isStopped;
        }

        public function setResult(mixed $result): void
        {
            $this->result = $result;
        }

        public function getResult(): mixed
        {
            return $this->result;
        }
    }

    final class EventManager
    {
        private static ?self $instance = null;
        private array $listeners = [];

        public static function instance(): self
        {
            return self::$instance ??= new self();
        }

        public function on(string|EventListenerInterface $key, array $options = [], ?callable $callable = null): void
        {
            if ($key instanceof EventListenerInterface) {
                foreach ($key->implementedEvents() as $event => $how) {
                    $this->listeners[$event][] = [10, [$key, $how['callable']], $key];
                }
            } else {
                $this->listeners[$key][] = [$options['priority'] ?? 10, $callable, null];
            }
        }

        public function off(EventListenerInterface $listener): void
        {
            foreach ($this->listeners as &$list) {
                $list = array_values(array_filter($list, static fn ($one) => $one[2] !== $listener));
            }
        }

        public function dispatch(Event $event, mixed ...$data): Event
        {
            $list = $this->listeners[$event->name] ?? [];
            usort($list, static fn ($a, $b) => $a[0] <=> $b[0]);
            foreach ($list as [, $call]) {
                if ($event->isStopped()) {
                    break;
                }
                $call($event, ...$data);
            }
            return $event;
        }
    }
}

namespace Cake\ORM {
    use Cake\Cache\Cache;
    use Cake\Datasource\ConnectionManager;
    use Cake\Event\Event;
    use Cake\Event\EventManager;
    use Cake\Log\Log;

    class Entity
    {
        private array $dirty = [];

        public function __construct(private array $fields = [])
        {
        }

        public function __get(string $name): mixed
        {
            return $this->fields[$name] ?? null;
        }

        public function __isset(string $name): bool
        {
            return isset($this->fields[$name]);
        }

        public function __set(string $name, mixed $value): void
        {
            $this->set($name, $value);
        }

        /** upstream: src/Datasource/EntityTrait.php: one field; later versions frown at an array. */
        public function set(string $name, mixed $value): static
        {
            $this->fields[$name] = $value;
            $this->dirty[$name] = true;
            return $this;
        }

        public function clean(): void
        {
            $this->dirty = [];
        }

        public function getDirty(): array
        {
            return array_keys($this->dirty);
        }

        public function isNew(): bool
        {
            return !isset($this->fields['id']);
        }

        public function toValues(array $names): array
        {
            return array_map(fn ($name) => is_bool($value = $this->fields[$name]) ? ($value ? 't' : 'f') : $value, $names);
        }
    }

    class Table
    {
        private string $table;
        private string $entity;

        public function __construct(array $options)
        {
            $this->table = $options['table'];
            $this->entity = $options['entity'];
            EventManager::instance()->dispatch(new Event('Model.initialize', $this));
        }

        public function getTable(): string
        {
            return $this->table;
        }

        public function getConnection(): \Cake\Datasource\Connection
        {
            return ConnectionManager::get('default');
        }

        /** upstream: src/ORM/Table.php and src/Database/Schema/CachedCollection.php: asks the database once, by a cache. */
        public function hasField(string $field): bool
        {
            $columns = Cache::remember($this->table, fn () => $this->getConnection()->execute(
                'SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?',
                ['public', $this->table])->fetchAll(\PDO::FETCH_COLUMN), '_cake_model_');
            return in_array($field, $columns ?: throw new \RuntimeException("Cannot describe $this->table."), true);
        }

        public function get(mixed $id, mixed $cache = null): Entity
        {
            $row = $this->getConnection()->execute("SELECT * FROM $this->table WHERE id = ?", [(int)$id])->fetch()
                ?: throw new \RuntimeException("Record not found in table `$this->table`.");
            return new ($this->entity)($row);
        }

        /** upstream: src/ORM/Table.php, _processSave(): a listener that stops the event is the end of it. */
        public function saveOrFail(Entity $entity): Entity
        {
            $event = EventManager::instance()->dispatch(new Event('Model.beforeSave', $this), $entity, new \ArrayObject());
            if ($event->isStopped()) {
                return $event->getResult() ?: throw new \RuntimeException('Entity save failure.');
            }
            Log::write('debug', "saving into $this->table");
            $names = $entity->getDirty();
            if ($entity->isNew()) {
                $sql = "INSERT INTO $this->table (" . implode(', ', $names) . ', created) VALUES ('
                    . str_repeat('?, ', count($names)) . 'now()) RETURNING id';
                $entity->set('id', $this->getConnection()->execute($sql, $entity->toValues($names))->fetchColumn());
            } elseif ($names) {
                $sets = implode(', ', array_map(static fn ($name) => "$name = ?", $names));
                $this->getConnection()->execute("UPDATE $this->table SET $sets WHERE id = ?",
                    [...$entity->toValues($names), $entity->id]);
            }
            $entity->clean();
            return $entity;
        }
    }

    final class TableLocator
    {
        private array $made = [];
        private array $config = [];

        public function clear(): void
        {
            $this->made = $this->config = [];
        }

        public function setConfig(string $alias, array $options): void
        {
            if (isset($this->made[$alias])) {
                throw new \RuntimeException("You cannot configure `$alias`, it has already been constructed.");
            }
            $this->config[$alias] = $options;
        }

        public function get(string $alias): Table
        {
            $options = $this->config[$alias] ?? [];
            $class = $options['className'] ?? (class_exists($own = "App\\Model\\Table\\{$alias}Table") ? $own : Table::class);
            $entity = 'App\\Model\\Entity\\' . ($options['entityClass'] ?? preg_replace(['/ies$/', '/s$/'], ['y', ''], $alias));
            return $this->made[$alias] ??= new $class([
                'table' => $options['table'] ?? strtolower(preg_replace('/(?<!^)[A-Z]/', '_$0', $alias)),
                'entity' => class_exists($entity) ? $entity : Entity::class,
            ]);
        }
    }

    final class TableRegistry
    {
        private static ?TableLocator $locator = null;

        public static function getTableLocator(): TableLocator
        {
            return self::$locator ??= new TableLocator();
        }
    }
}
