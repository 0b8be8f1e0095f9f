<#
.SYNOPSIS
Gathers what rdp-triage reads of this host into one zip.

.DESCRIPTION
Written by rdp-triage @VERSION@. It reads event logs, settings and the output of Windows' own
commands, and changes nothing but a folder and a zip of its own in the temporary folder. It
downloads nothing, and sends nothing unless -ClockHost says so. Only when it is asked to
capture it starts Packet Monitor with filters for the ports, and stops it and removes them
again.

In a prompt that is not elevated it gathers less. What it could not get is in collection.txt
in the zip, with the reason. Before PowerShell 5 the folder is left unpacked.

.PARAMETER Role
What this host is in Remote Desktop: client, server, gateway (which is a server too), all of
them, or auto. With auto every host is a client; it is a server too when it is a Windows Server
or accepts Remote Desktop, and a gateway when it has the service of RD Gateway.

.PARAMETER Hours
How many hours back events are gathered.

.PARAMETER Port
Ports to capture. The port that this host listens on is captured as well.

.PARAMETER Capture
Seconds to capture, 0 for no capture. Needs an elevated prompt. Reproduce the failure meanwhile.

.PARAMETER RdpFile
An .rdp file of the user. Of its settings only those that rdp-triage reads are gathered, and
neither a password nor a user name is one of them.

.PARAMETER ClockHost
A host whose clock this one's is compared with. It is asked for the time over the network
(NTP, UDP port 123); nothing else here sends anything.

.EXAMPLE
powershell.exe -NoProfile -ExecutionPolicy Bypass -File .\collect.ps1

.EXAMPLE
powershell.exe -NoProfile -ExecutionPolicy Bypass -File .\collect.ps1 -Hours 4 -Capture 60
#>
[CmdletBinding()]
param(
    [ValidateSet('auto', 'client', 'server', 'gateway', 'all')]
    [string] $Role = @ROLE@,
    [ValidateRange(1, 8760)]
    [int] $Hours = @HOURS@,
    [ValidateRange(1, 65535)]
    [int[]] $Port = @(@PORTS@),
    [ValidateRange(0, 3600)]
    [int] $Capture = @CAPTURE@,
    [string] $RdpFile = '',
    [string] $ClockHost = ''
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$stamp = (Get-Date).ToUniversalTime().ToString('yyyyMMddHHmmss', [Globalization.CultureInfo]::InvariantCulture)
$folder = Join-Path -Path $env:TEMP -ChildPath ('rdp-triage-collection-' + $env:COMPUTERNAME + '-' + $stamp)
$events = Join-Path -Path $folder -ChildPath 'events'
$zip = $folder + '.zip'
$settings = 'Registry::HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet'
$service = $settings + '\Control\Terminal Server'
$listener = $service + '\WinStations\RDP-Tcp'
$policies = 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services'
$identity = [Security.Principal.WindowsPrincipal] [Security.Principal.WindowsIdentity]::GetCurrent()
$elevated = $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
# A 32-bit PowerShell would see the registry of 32-bit programs.
$view = '/reg:32'
if ([Environment]::Is64BitOperatingSystem) {
    $view = '/reg:64'
}
# timediff is in milliseconds; a year of them does not fit into 32 bits.
$since = 'TimeCreated[timediff(@SystemTime) <= ' + ([long] $Hours * 3600000) + ']'
$roles = @()
$notes = New-Object -TypeName 'System.Collections.Generic.List[string]'

# One line of collection.txt, shown as well.
function Add-Note {
    param([string] $State, [string] $What, [string] $Why = '')
    $line = $State + ': ' + $What
    if ($Why -ne '') {
        $line = $line + ': ' + ($Why -replace '\s+', ' ').Trim()
    }
    $notes.Add($line)
    Write-Host -Object $line
}

# A value of the registry, or nothing.
function Get-Setting {
    param([string] $Key, [string] $Name)
    $found = Get-ItemProperty -LiteralPath $Key -Name $Name -ErrorAction SilentlyContinue
    if ($null -eq $found) {
        return $null
    }
    return $found.$Name
}

# What this host is.
function Get-HostRole {
    if ($Role -eq 'all') {
        return @('client', 'server', 'gateway')
    }
    if ($Role -ne 'auto') {
        return @($Role)
    }
    $product = Get-Setting -Key ($settings + '\Control\ProductOptions') -Name 'ProductType'
    $denied = Get-Setting -Key $service -Name 'fDenyTSConnections'
    $deniedByPolicy = Get-Setting -Key $policies -Name 'fDenyTSConnections'
    $found = @('client')
    # WinNT is a Windows that is no server.
    if ($product -ne 'WinNT' -or $denied -eq 0 -or $deniedByPolicy -eq 0) {
        $found += 'server'
    }
    if (Test-Path -LiteralPath ($settings + '\Services\TSGateway')) {
        $found += 'gateway'
    }
    return $found
}

# Whether this host has one of the roles.
function Test-Role {
    param([string[]] $Wanted)
    foreach ($one in $Wanted) {
        if ($roles -contains $one) {
            return $true
        }
    }
    return $false
}

# Exports the events of the last hours, all or those of some ids.
function Save-Log {
    param([string] $Channel, [string] $File, [int[]] $Id = @())
    # Programs write to standard error without having failed.
    $ErrorActionPreference = 'Continue'
    $choice = $since
    if ($Id.Count -gt 0) {
        $each = @($Id | ForEach-Object -Process { 'EventID=' + $_ })
        $choice = '(' + ($each -join ' or ') + ') and ' + $since
    }
    $query = '/q:*[System[' + $choice + ']]'
    $path = Join-Path -Path $events -ChildPath $File
    $global:LASTEXITCODE = 0
    try {
        $said = @(& wevtutil.exe epl $Channel $path $query 2>&1)
    } catch {
        Add-Note -State 'not got' -What $Channel -Why $_.Exception.Message
        return
    }
    $code = $global:LASTEXITCODE
    if ($code -eq 0) {
        Add-Note -State 'got' -What $File
        return
    }
    if (Test-Path -LiteralPath $path) {
        Remove-Item -LiteralPath $path
    }
    # ERROR_EVT_CHANNEL_NOT_FOUND
    if ($code -eq 15007) {
        Add-Note -State 'not here' -What $Channel
    } else {
        Add-Note -State 'not got' -What $Channel -Why (($said -join ' ') + ' (' + $code + ')')
    }
}

# Keeps what a program or a function prints.
function Save-Text {
    param([string] $File, [scriptblock] $Run, [switch] $NeedsElevation)
    if ($NeedsElevation -and -not $elevated) {
        Add-Note -State 'not got' -What $File -Why 'only an elevated prompt can read it'
        return
    }
    $ErrorActionPreference = 'Continue'
    $path = Join-Path -Path $folder -ChildPath $File
    $global:LASTEXITCODE = 0
    try {
        $printed = & $Run 2>&1 | ForEach-Object -Process {
            if ($_ -is [Management.Automation.ErrorRecord]) { $_.Exception.Message } else { $_ }
        }
        $lines = @($printed | Out-String -Stream -Width 4096)
    } catch {
        Add-Note -State 'not got' -What $File -Why $_.Exception.Message
        return
    }
    $code = $global:LASTEXITCODE
    $said = ($lines -join ' ').Trim()
    if ($said -eq '') {
        Add-Note -State 'not here' -What $File
        return
    }
    if ($code -ne 0) {
        Add-Note -State 'not got' -What $File -Why ($said + ' (' + $code + ')')
        return
    }
    Set-Content -LiteralPath $path -Value $lines -Encoding UTF8
    Add-Note -State 'got' -What $File
}

# The values of keys; those of the keys below as well where a key ends with \*.
function Get-RegistryValue {
    param([string[]] $Key)
    foreach ($one in $Key) {
        $name = $one
        $below = @()
        if ($one.EndsWith('\*')) {
            $name = $one.Substring(0, $one.Length - 2)
            $below = @('/s')
        }
        if (-not (Test-Path -LiteralPath ('Registry::' + $name))) {
            Add-Note -State 'not here' -What $name
            continue
        }
        & reg.exe query $name $below $view
        if ($LASTEXITCODE -ne 0) {
            Add-Note -State 'not got' -What $name -Why ('reg.exe (' + $LASTEXITCODE + ')')
        }
    }
    # Told key by key.
    $global:LASTEXITCODE = 0
}

# Who listens; whose the ports are only an elevated prompt is told.
function Get-Listener {
    if ($elevated) {
        & netstat.exe -anob
    } else {
        & netstat.exe -ano
    }
}

# The sessions. On some systems its exit code is 1 although it lists them: errors go to standard
# error, so what is printed counts.
function Get-SessionList {
    $all = @(& qwinsta.exe)
    if ($LASTEXITCODE -ne 0 -and $all.Count -gt 1) {
        $global:LASTEXITCODE = 0
    }
    return $all
}

# Certificates of the machine, and whether their keys are there.
function Get-MachineCertificate {
    param([string[]] $Store)
    foreach ($one in $Store) {
        $drive = 'Cert:\LocalMachine\' + $one
        if (Test-Path -LiteralPath $drive) {
            Get-ChildItem -LiteralPath $drive |
                Format-List -Property 'Subject', 'Issuer', 'NotBefore', 'NotAfter', 'HasPrivateKey', 'Thumbprint'
        }
    }
}

# Who may read the folder of the machine's keys and the keys that Remote Desktop uses: that of
# its self-signed certificate, whose file has a fixed beginning, and that of the certificate
# which the listener is set to. As descriptors, which are the same in every language.
function Get-KeyPermission {
    $keys = Join-Path -Path $env:ProgramData -ChildPath 'Microsoft\Crypto\RSA\MachineKeys'
    $names = @('f686aace6942fb7f7ceb231212eef4a4_*')
    $hash = Get-Setting -Key $listener -Name 'SSLCertificateSHA1Hash'
    if ($null -ne $hash) {
        $thumbprint = [BitConverter]::ToString([byte[]] $hash).Replace('-', '')
        $shown = @(& certutil.exe -silent -store My $thumbprint 2>&1)
        # Without the certificate in this store there is no such name; that is no failure.
        $container = '[0-9a-f]{32}_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
        if ($LASTEXITCODE -eq 0 -and ($shown -join ' ') -match $container) {
            $names += $Matches[0]
        }
        $global:LASTEXITCODE = 0
    }
    $paths = @($keys)
    foreach ($name in $names) {
        $paths += @(Get-ChildItem -LiteralPath $keys -Filter $name -Force | ForEach-Object -Process { $_.FullName })
    }
    foreach ($path in @($paths | Select-Object -Unique)) {
        Get-Acl -LiteralPath $path | Format-List -Property 'Path', 'AccessToString', 'Sddl'
    }
}

# Of the policies of the computer those about Remote Desktop: a name in the registry, and what
# stands below it.
function Get-RemoteDesktopPolicy {
    $all = @(& gpresult.exe /scope computer /z)
    if ($LASTEXITCODE -ne 0) {
        return $all
    }
    for ($at = 0; $at -lt $all.Count; $at++) {
        if ($all[$at] -match 'Windows NT\\Terminal Services\\|System\\CredSSP\\Parameters\\') {
            $last = [Math]::Min($at + 3, $all.Count - 1)
            $all[$at..$last]
        }
    }
}

# The settings of an .rdp file that are read, and no other line of it.
function Get-RdpFileSetting {
    param([string] $Path, [string[]] $Name)
    foreach ($line in @(Get-Content -LiteralPath $Path -ErrorAction Stop)) {
        $part = ($line -split ':', 2)[0].Trim()
        if ($Name -contains $part) {
            $line
        }
    }
}

# Captures the ports for some seconds. Packet Monitor has one capture and one list of filters
# for the whole host, so it is left alone where somebody uses it.
function Save-Capture {
    param([int] $Seconds, [int[]] $Wanted)
    $ErrorActionPreference = 'Continue'
    $file = 'capture.etl'
    $path = Join-Path -Path $folder -ChildPath $file
    if (-not $elevated) {
        Add-Note -State 'not got' -What $file -Why 'only an elevated prompt can capture'
        return
    }
    if ($null -eq (Get-Command -Name 'pktmon.exe' -CommandType Application -ErrorAction SilentlyContinue)) {
        Add-Note -State 'not got' -What $file -Why 'this Windows has no Packet Monitor'
        return
    }
    $said = @(& logman.exe query PktMon -ets 2>&1)
    if ($LASTEXITCODE -eq 0) {
        Add-Note -State 'not got' -What $file -Why 'Packet Monitor is running already'
        return
    }
    $said = @(& pktmon.exe filter list 2>&1)
    if ($LASTEXITCODE -ne 0 -or @($said | Where-Object -FilterScript { $_ -match '^\s*\d+\s' }).Count -gt 0) {
        Add-Note -State 'not got' -What $file -Why 'Packet Monitor has filters of somebody else'
        return
    }
    $started = $false
    try {
        foreach ($one in $Wanted) {
            $said = @(& pktmon.exe filter add -p $one 2>&1)
            if ($LASTEXITCODE -ne 0) {
                throw ($said -join ' ')
            }
        }
        $said = @(& pktmon.exe start --capture --pkt-size 0 --file-name $path 2>&1)
        if ($LASTEXITCODE -ne 0) {
            throw ($said -join ' ')
        }
        $started = $true
        Write-Host -Object ('Capturing for ' + $Seconds + ' seconds: reproduce the failure now.')
        Start-Sleep -Seconds $Seconds
    } catch {
        Add-Note -State 'not got' -What $file -Why $_.Exception.Message
    } finally {
        # Also after Ctrl+C: nothing of this stays behind.
        if ($started) {
            $said = @(& pktmon.exe stop 2>&1)
            if ($LASTEXITCODE -ne 0) {
                Add-Note -State 'not got' -What $file -Why ('pktmon stop: ' + ($said -join ' '))
            }
        }
        $said = @(& pktmon.exe filter remove 2>&1)
        if ($LASTEXITCODE -ne 0) {
            Write-Warning -Message 'Packet Monitor kept filters: pktmon filter remove'
        }
    }
    if ($started -and (Test-Path -LiteralPath $path)) {
        Add-Note -State 'got' -What $file
    }
}

$null = New-Item -ItemType Directory -Path $events -Force
$roles = @(Get-HostRole)
$notes.Add('rdp-triage collection 1')
$notes.Add('host: ' + $env:COMPUTERNAME)
$notes.Add('time: ' + $stamp + ' UTC')
$notes.Add('roles: ' + ($roles -join ' '))
$notes.Add('hours: ' + $Hours)
$notes.Add('elevated: ' + $elevated)
Write-Host -Object ('Gathering as: ' + ($roles -join ', ') + '. -Role says otherwise.')
if (-not $elevated) {
    Write-Warning -Message 'This prompt is not elevated: the Security log and some more will be missing.'
}

# First, so that the logs below hold what happened meanwhile.
if ($Capture -gt 0) {
    $ports = @($Port)
    $own = Get-Setting -Key $listener -Name 'PortNumber'
    if ($null -ne $own) {
        $ports += $own
    }
    Save-Capture -Seconds $Capture -Wanted @($ports | Select-Object -Unique)
}

# Channels that the event catalog of rdp-triage names.
@LOGS@

# Texts.
@TEXTS@

Set-Content -LiteralPath (Join-Path -Path $folder -ChildPath 'collection.txt') -Value $notes -Encoding UTF8
try {
    Compress-Archive -LiteralPath $folder -DestinationPath $zip
} catch {
    Write-Warning -Message ('It could not be packed: ' + $_.Exception.Message)
    Write-Output -InputObject $folder
    return
}
Remove-Item -LiteralPath $folder -Recurse -Force
Write-Output -InputObject $zip
