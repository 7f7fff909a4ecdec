<?php
/*
 * names.php STANDIN PROGRAM: prints each name of Cake\ or App\, and each method, that the program uses and the stand-in does
 * not have. What is not there cannot be tested without the Registry, and may not be in another version of it.
 */
declare(strict_types=1);

[, $standin, $program] = $argv;
require "$standin/app/vendor/autoload.php";

/** Names as the `use` statements of the program have it. */
function read_imports(array $tokens): array
{
    $imports = [];
    foreach ($tokens as $i => $token) {
        if ($token->id === T_USE && $tokens[$i + 1]->id === T_NAME_QUALIFIED) {
            $imports[basename(strtr($tokens[$i + 1]->text, '\\', '/'))] = $tokens[$i + 1]->text;
        }
    }
    return $imports;
}

function is_registrys(string $name): bool
{
    return (bool)preg_match('/^\\\\?(Cake|App)\\\\/', $name);
}

/** Methods that may be called on an object: those of the program, of the stand-in and of PHP. */
function find_methods(array $tokens): array
{
    $methods = [];
    foreach ($tokens as $i => $token) {
        if ($token->id === T_FUNCTION && $tokens[$i + 1]->id === T_STRING) {
            $methods[$tokens[$i + 1]->text] = true;
        }
    }
    foreach (get_declared_classes() as $class) {
        if (is_registrys($class) || preg_match('/^(Reflection|Exception$|Error$|Closure$)/', $class)) {
            $methods += array_fill_keys(get_class_methods($class), true);
        }
    }
    return $methods;
}

function exists(string $name): bool
{
    return class_exists($name) || interface_exists($name) || trait_exists($name);
}

$tokens = array_values(array_filter(PhpToken::tokenize(file_get_contents($program)), static fn ($token) => !$token->isIgnorable()));
$imports = read_imports($tokens);
$methods = find_methods($tokens) + ['parameterFormat' => true, 'run' => true, 'close_range' => true]; // of a job class, and of libc
$missing = [];
foreach ($tokens as $i => $token) {
    $next = $tokens[$i + 1] ?? null;
    $after = $tokens[$i + 2] ?? null;
    $is_name = in_array($token->id, [T_NAME_QUALIFIED, T_NAME_FULLY_QUALIFIED], true);
    if ($is_name && is_registrys($token->text) && !exists(ltrim($token->text, '\\'))) {
        $missing[] = "$token->text (line $token->line)";
    }
    $class = $imports[$token->text] ?? ltrim($token->text, '\\');
    if ($next?->id === T_DOUBLE_COLON && $after?->id === T_STRING && is_registrys($class) && exists($class)
        && !method_exists($class, $after->text) && !defined("$class::$after->text")) {
        $missing[] = "$class::$after->text (line $token->line)";
    }
    $is_arrow = in_array($token->id, [T_OBJECT_OPERATOR, T_NULLSAFE_OBJECT_OPERATOR], true);
    if ($is_arrow && $after?->text === '(' && !isset($methods[$next->text])) {
        $missing[] = "->$next->text() (line $token->line)";
    }
}
echo implode("\n", $missing), $missing ? "\n" : '';
exit($missing ? 1 : 0);
