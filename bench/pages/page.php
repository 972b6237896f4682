<?php
// A page as a small site has it: some rows of a table, some computing, and markup of both. The database knows the owner by
// the user that PHP runs as.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$owner = getenv('USER');
$db = new mysqli('localhost', $owner, '', $owner);
$first = random_int(1, 9900);
$rows = $db->query("SELECT id, k, c FROM sbtest1 WHERE id BETWEEN $first AND $first + 49")->fetch_all(MYSQLI_ASSOC);
usort($rows, fn ($a, $b) => $a['k'] <=> $b['k']);
$words = [];
foreach ($rows as $row) {
	foreach (preg_split('/\W+/', $row['c'], -1, PREG_SPLIT_NO_EMPTY) as $word) {
		$words[substr(hash('sha256', $word), 0, 2)][] = $word;
	}
}
ksort($words);
echo '<!doctype html><title>', htmlspecialchars($owner), '</title>';
foreach ($words as $key => $list) {
	printf("<h2>%s</h2><p>%s\n", $key, htmlspecialchars(implode(', ', $list)));
}
